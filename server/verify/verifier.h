// Is this key good, for this? The authority's side of the check path.
#ifndef CLAVIGER_SERVER_VERIFY_VERIFIER_H_
#define CLAVIGER_SERVER_VERIFY_VERIFIER_H_

#include <memory>
#include <optional>
#include <string_view>

#include "absl/status/statusor.h"
#include "core/clock.h"
#include "core/decision.h"
#include "core/digest.h"
#include "core/key_format.h"
#include "core/revision.h"
#include "server/verify/record_cache.h"

namespace claviger {

// What is known of a shown key once its text is out of the way.
struct Credential {
  KeyId id;
  KeyHash hash;
};

// The credential in a raw key's text; nullopt for anything that is not a well-formed key. No I/O.
std::optional<Credential> CredentialOf(std::string_view raw_key);

// Is told the outcome of lookups, for metrics. Called on the check path: must be cheap and not
// block.
class VerifyObserver {
 public:
  virtual ~VerifyObserver() = default;
  virtual void OnRecordLookup(bool hit) = 0;
};

// What a check found.
struct VerifyOutcome {
  VerifyCode code = VerifyCode::kNotFound;
  // The key whose secret matched; null with kNotFound.
  std::shared_ptr<const CachedKey> key;
  // With kNotFound: the key that the caller may see, but did not ask for, as it is of another
  // project. To be counted, and not to be told of.
  std::shared_ptr<const CachedKey> hidden_key;
  // The outcome reflects every change up to here.
  Revision revision;
};

// Matches secrets and decides. Allocates nothing on a cache hit and takes only the lock of the
// record's shard.
//
// Thread safety: all methods may be called from any thread at once.
class Verifier {
 public:
  // All arguments outlive the verifier.
  Verifier(RecordCache& cache, const PepperSet& peppers, const Clock& clock,
           VerifyObserver& observer);

  // The key whose secret `credential` shows; null when there is none, and then it took as long as a
  // wrong secret does. The key may be in any state. Errors: UNAVAILABLE and DATA_LOSS of the store.
  absl::StatusOr<std::shared_ptr<const CachedKey>> Match(
      const std::optional<Credential>& credential);

  // Match and Decide. `may_see` says whether the caller may verify in the key's project; if not the
  // key is NOT_FOUND.
  template <typename MaySee>
  absl::StatusOr<VerifyOutcome> Check(const std::optional<Credential>& credential,
                                      const Requirements& wanted, const MaySee& may_see) {
    // Read before the record is, so that the answer never claims a revision that it does not
    // reflect.
    const Revision revision = cache_.applied_revision();
    absl::StatusOr<std::shared_ptr<const CachedKey>> key = Match(credential);
    if (!key.ok()) return key.status();
    if (*key == nullptr || !may_see((*key)->record().project_id)) {
      return VerifyOutcome{VerifyCode::kNotFound, nullptr, nullptr, revision};
    }
    return Conclude(*std::move(key), wanted, revision);
  }

  // The key with this id, whatever its state and without any secret; null when there is none.
  absl::StatusOr<std::shared_ptr<const CachedKey>> Find(
      const KeyId& id, RecordCache::OnMiss on_miss = RecordCache::OnMiss::kKeep);

  Revision applied_revision() const { return cache_.applied_revision(); }

 private:
  VerifyOutcome Conclude(std::shared_ptr<const CachedKey> key, const Requirements& wanted,
                         Revision revision) const;

  RecordCache& cache_;
  const PepperSet& peppers_;
  const Clock& clock_;
  VerifyObserver& observer_;
};

}  // namespace claviger

#endif  // CLAVIGER_SERVER_VERIFY_VERIFIER_H_
