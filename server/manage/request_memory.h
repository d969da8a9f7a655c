// Remembers the answers that showed a secret, sealed, so that a caller who got none can ask again.
#ifndef CLAVIGER_SERVER_MANAGE_REQUEST_MEMORY_H_
#define CLAVIGER_SERVER_MANAGE_REQUEST_MEMORY_H_

#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "core/digest.h"
#include "core/key_record.h"
#include "core/random.h"
#include "core/secret.h"
#include "server/manage/caller.h"
#include "storage/key_store.h"

namespace claviger {

// For how long a repeated call gives the same answer.
inline constexpr absl::Duration kRequestIdLifetime = absl::Minutes(10);

// What makes two calls of one caller the same call.
struct RequestIdentity {
  std::string id;                // the caller's own: two callers may use the same one
  Sha256Bytes arguments_hash{};  // of the method and all other arguments but `validate_only`
};

// What an earlier call answered.
struct RememberedKey {
  Secret key;
  std::shared_ptr<const KeyRecord> info;  // as it is by now
};

// Thread safety: all methods may be called from any thread at once.
class RequestMemory {
 public:
  // Both outlive the memory.
  RequestMemory(const PepperSet& peppers, RandomSource& random)
      : peppers_(peppers), random_(random) {}

  // The answer to the same call within kRequestIdLifetime; nullopt: there was none. ALREADY_EXISTS
  // `REQUEST_ID_REUSED` where the id stands for other arguments, and for a trial: it asks what
  // would be issued, and with an id that was used nothing would.
  absl::StatusOr<std::optional<RememberedKey>> Find(const StateReader& state, const Caller& caller,
                                                    const RequestIdentity& request, bool is_trial,
                                                    absl::Time now) const;

  // What to store together with `key`, so that Find gives it and `raw_key`.
  absl::StatusOr<RequestRecord> Seal(const Caller& caller, const RequestIdentity& request,
                                     const KeyRecord& key, const Secret& raw_key) const;

 private:
  const PepperSet& peppers_;
  RandomSource& random_;
};

}  // namespace claviger

#endif  // CLAVIGER_SERVER_MANAGE_REQUEST_MEMORY_H_
