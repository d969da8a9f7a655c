// Which key is this? For the hour after a leak.
#ifndef CLAVIGER_SERVER_MANAGE_KEY_LOOKUP_H_
#define CLAVIGER_SERVER_MANAGE_KEY_LOOKUP_H_

#include <memory>
#include <optional>
#include <string_view>
#include <variant>

#include "absl/status/statusor.h"
#include "core/key_format.h"
#include "core/key_record.h"
#include "server/manage/caller.h"
#include "server/verify/verifier.h"

namespace claviger {

// The public head of a key, `<prefix>_<live|test>_<key id>`, which is no secret.
struct KeyHead {
  std::string_view prefix;
  Environment environment = Environment::kLive;
  KeyId id;

  // nullopt for any other text. The views point into `text`.
  static std::optional<KeyHead> Parse(std::string_view text);
};

// What is looked up.
using LookedUp = std::variant<ShownCredential, KeyHead>;

// Thread safety: all methods may be called from any thread at once.
class KeyLookup {
 public:
  // `verifier` outlives this.
  explicit KeyLookup(Verifier& verifier) : verifier_(verifier) {}

  // The key that it is, whatever its state. One NOT_FOUND for everything else: no such key, another
  // secret, a key that the caller may not see. It matches secrets as a check does, in the same
  // time. One point read at most: fit for gRPC's threads.
  absl::StatusOr<std::shared_ptr<const KeyRecord>> Find(const Caller& caller,
                                                        const LookedUp& what) const;

 private:
  Verifier& verifier_;
};

}  // namespace claviger

#endif  // CLAVIGER_SERVER_MANAGE_KEY_LOOKUP_H_
