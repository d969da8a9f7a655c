// Is this key good, for this? The authority's side of the check path.
#ifndef CLAVIGER_SERVER_VERIFY_VERIFIER_H_
#define CLAVIGER_SERVER_VERIFY_VERIFIER_H_

#include <memory>
#include <optional>
#include <string_view>
#include <variant>

#include "absl/status/statusor.h"
#include "core/clock.h"
#include "core/decision.h"
#include "core/digest.h"
#include "core/key_format.h"
#include "core/key_hints.h"
#include "core/revision.h"
#include "server/verify/record_cache.h"
#include "server/verify/redigester.h"

namespace claviger {

// What is known of a shown key once its text is out of the way.
struct Credential {
  KeyId id;
  KeyHash hash;
};

// The credential in a raw key's text; nullopt for anything that is not a well-formed key. No I/O.
std::optional<Credential> CredentialOf(std::string_view raw_key);

// What is known of a shown text that is no key of ours: it may be one that was made elsewhere.
struct ForeignCredential {
  // The text, 1 to 1024 bytes; empty where only its digests are known. A view: hashed only where
  // there is anything to find.
  std::string_view text;
  std::optional<KeyHash> sha256;
  std::optional<Sha512Bytes> sha512;
};

// What a check was shown. std::monostate: what cannot be a key.
using ShownCredential = std::variant<std::monostate, Credential, ForeignCredential>;

// The longest text that may be a key.
inline constexpr size_t kMaxCredentialBytes = 1024;

// The credential in a text of at most kMaxCredentialBytes, which outlives it. No I/O.
ShownCredential ShownCredentialOf(std::string_view text);

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
// record's shard; save once for a key on an older pepper, which it hands to the redigester.
//
// Thread safety: all methods may be called from any thread at once.
class Verifier {
 public:
  // All arguments outlive the verifier. Without a redigester keys stay on the pepper that they
  // have.
  Verifier(RecordCache& cache, const PepperSet& peppers, const Clock& clock,
           VerifyObserver& observer, Redigester* redigester = nullptr);

  // The key whose secret `credential` shows; null when there is none, and then it took as long as a
  // wrong secret does. The key may be in any state, save that a revoked or deleted one is not found
  // once its pepper is gone. Errors: UNAVAILABLE and DATA_LOSS of the store.
  absl::StatusOr<std::shared_ptr<const CachedKey>> Match(
      const std::optional<Credential>& credential);

  // Likewise for a text that is no key of ours. Costs next to nothing while no key was imported.
  absl::StatusOr<std::shared_ptr<const CachedKey>> MatchImported(
      const ForeignCredential& credential);
  // Whichever of the two it is for.
  absl::StatusOr<std::shared_ptr<const CachedKey>> Match(const ShownCredential& shown);

  // Match and Decide. `may_see` says whether the caller may verify in the key's project; if not the
  // key is NOT_FOUND.
  template <typename MaySee>
  absl::StatusOr<VerifyOutcome> Check(const ShownCredential& shown, const Requirements& wanted,
                                      const MaySee& may_see) {
    // Read before the record is, so that the answer never claims a revision that it does not
    // reflect.
    const Revision revision = cache_.applied_revision();
    absl::StatusOr<std::shared_ptr<const CachedKey>> key = Match(shown);
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
  // `key`, whose secret `hash` is.
  std::shared_ptr<const CachedKey> Matched(std::shared_ptr<const CachedKey> key,
                                           const KeyHash& hash) const;
  VerifyOutcome Conclude(std::shared_ptr<const CachedKey> key, const Requirements& wanted,
                         Revision revision) const;

  // One of the digests that a key may have been imported by.
  struct ImportedHash;

  // By the record that a hint leads to; null: none, or it is not that key (any more).
  absl::StatusOr<std::shared_ptr<const CachedKey>> MatchHinted(const ImportedHash& hash);
  // By the store's index, under every pepper. Finds a key that is there, also while its digest is
  // being made anew under the writing pepper.
  absl::StatusOr<std::shared_ptr<const CachedKey>> SearchImported(const ImportedHash& hash);
  // `key` if it was imported by this digest, else null.
  absl::StatusOr<std::shared_ptr<const CachedKey>> MatchesImported(
      std::shared_ptr<const CachedKey> key, const ImportedHash& hash) const;

  RecordCache& cache_;
  KeyHints imported_hints_;
  const PepperSet& peppers_;
  const Clock& clock_;
  VerifyObserver& observer_;
  Redigester* const redigester_;
};

}  // namespace claviger

#endif  // CLAVIGER_SERVER_VERIFY_VERIFIER_H_
