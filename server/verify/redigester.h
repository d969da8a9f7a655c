// Brings keys from an older pepper to the writing one, each after a check that showed its secret.
#ifndef CLAVIGER_SERVER_VERIFY_REDIGESTER_H_
#define CLAVIGER_SERVER_VERIFY_REDIGESTER_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "core/clock.h"
#include "core/digest.h"
#include "server/verify/record_cache.h"
#include "storage/key_store.h"

namespace claviger {

// A digest can be made only of what a key's holder shows, so a key changes its pepper when it is
// used. The change waits in the store's queue and is made by the store's writer: a check never
// waits for it. It is dropped when many wait already, or when the store did not take one a moment
// ago; the next check of the key brings it again.
//
// Thread safety: all methods may be called from any thread at once.
class Redigester {
 public:
  // Changes that wait at most; more are dropped, so that what operators ask for is not held up.
  static constexpr int kMaxWaiting = 64;
  // How long none is tried after the store refused one.
  static constexpr absl::Duration kPauseAfterRefusal = absl::Seconds(1);

  // The new digest, from what the check was shown. Runs once, on the store's writer.
  using NewDigest = absl::AnyInvocable<absl::StatusOr<KeyDigest>()>;

  // `store`, `peppers` and `clock` outlive the store's Close.
  Redigester(KeyStore& store, const PepperSet& peppers, const Clock& clock);

  // Whether `key` is due; costs a comparison and no lock.
  bool IsDue(const CachedKey& key) const {
    return key.record().pepper_id != peppers_.writing_id() && !key.redigest_taken();
  }
  // Has the digest of `key`, which IsDue, replaced by that under the writing pepper, if the record
  // still has the digest of `key` by then and its project is not deleted. REQUIRES: `hash` matches
  // the record's digest.
  void Take(const std::shared_ptr<const CachedKey>& key, const KeyHash& hash);
  // The same for a key whose digest is made otherwise: `new_digest` gives it under the writing
  // pepper.
  void Take(const std::shared_ptr<const CachedKey>& key, NewDigest new_digest);

 private:
  // Outlives this object as long as changes wait.
  struct Shared {
    std::atomic<int> waiting{0};
    std::atomic<int64_t> paused_until_ns{0};  // on the clock's SinceBoot scale
  };

  KeyStore& store_;
  const PepperSet& peppers_;
  const Clock& clock_;
  const std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
};

}  // namespace claviger

#endif  // CLAVIGER_SERVER_VERIFY_REDIGESTER_H_
