#include "server/verify/verifier.h"

#include <utility>

namespace claviger {

std::optional<Credential> CredentialOf(std::string_view raw_key) {
  const std::optional<ParsedKey> parsed = ParseKey(raw_key);
  if (!parsed.has_value()) return std::nullopt;
  return Credential{parsed->id, HashKey(raw_key)};
}

Verifier::Verifier(RecordCache& cache, const PepperSet& peppers, const Clock& clock,
                   VerifyObserver& observer)
    : cache_(cache), peppers_(peppers), clock_(clock), observer_(observer) {}

absl::StatusOr<std::shared_ptr<const CachedKey>> Verifier::Match(
    const std::optional<Credential>& credential) {
  if (!credential.has_value()) return nullptr;
  absl::StatusOr<RecordCache::Lookup> found = cache_.Find(credential->id);
  if (!found.ok()) return found.status();
  observer_.OnRecordLookup(found->hit);
  if (found->key == nullptr) {
    peppers_.BurnDigest(credential->id, credential->hash);
    return nullptr;
  }
  const std::shared_ptr<const CachedKey>& key = found->key;
  if (key->RemembersMatch(credential->hash)) return std::move(found->key);
  absl::StatusOr<KeyDigest> digest =
      peppers_.Digest(key->record().pepper_id, credential->id, credential->hash);
  if (!digest.ok()) return digest.status();
  if (!Equal(*digest, key->record().digest)) return nullptr;
  key->RememberMatch(credential->hash);
  return std::move(found->key);
}

absl::StatusOr<std::shared_ptr<const CachedKey>> Verifier::Find(const KeyId& id,
                                                                RecordCache::OnMiss on_miss) {
  absl::StatusOr<RecordCache::Lookup> found = cache_.Find(id, on_miss);
  if (!found.ok()) return found.status();
  return std::move(found->key);
}

VerifyOutcome Verifier::Conclude(std::shared_ptr<const CachedKey> key, const Requirements& wanted,
                                 Revision revision) const {
  const VerifyCode code = Decide(SubjectOf(key->record()), wanted, clock_.Now());
  // A project that was not asked for must look exactly like a key that is not there.
  if (code == VerifyCode::kNotFound) return {code, nullptr, std::move(key), revision};
  return {code, std::move(key), nullptr, revision};
}

}  // namespace claviger
