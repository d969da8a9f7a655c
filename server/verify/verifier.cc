#include "server/verify/verifier.h"

#include <utility>

#include "core/lifecycle.h"

namespace claviger {

std::optional<Credential> CredentialOf(std::string_view raw_key) {
  const std::optional<ParsedKey> parsed = ParseKey(raw_key);
  if (!parsed.has_value()) return std::nullopt;
  return Credential{parsed->id, HashKey(raw_key)};
}

ShownCredential ShownCredentialOf(std::string_view text) {
  if (text.empty()) return std::monostate();
  if (const std::optional<Credential> own = CredentialOf(text); own.has_value()) return *own;
  return ForeignCredential{.text = text, .sha256 = std::nullopt, .sha512 = std::nullopt};
}

Verifier::Verifier(RecordCache& cache, const PepperSet& peppers, const Clock& clock,
                   VerifyObserver& observer, Redigester* redigester)
    : cache_(cache),
      imported_hints_(cache.capacity()),
      peppers_(peppers),
      clock_(clock),
      observer_(observer),
      redigester_(redigester) {}

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
  // What was made elsewhere is no key with an id in it, and what is remembered of it is something
  // else.
  if (key->record().imported.has_value()) {
    peppers_.BurnDigest(credential->id, credential->hash);
    return nullptr;
  }
  if (key->RemembersMatch(credential->hash)) {
    return Matched(std::move(found->key), credential->hash);
  }
  absl::StatusOr<KeyDigest> digest =
      peppers_.Digest(key->record().pepper_id, credential->id, credential->hash);
  if (!digest.ok()) {
    // A pepper may go before the last key that can never be good again.
    if (NeedsPepper(key->record())) return digest.status();
    peppers_.BurnDigest(credential->id, credential->hash);
    return nullptr;
  }
  if (!Equal(*digest, key->record().digest)) {
    // What is in memory was found sooner than an unknown id is known to be none.
    if (found->hit) {
      if (absl::Status s = cache_.BurnLookup(credential->id); !s.ok()) return s;
    }
    return nullptr;
  }
  key->RememberMatch(credential->hash);
  return Matched(std::move(found->key), credential->hash);
}

std::shared_ptr<const CachedKey> Verifier::Matched(std::shared_ptr<const CachedKey> key,
                                                   const KeyHash& hash) const {
  if (redigester_ != nullptr && redigester_->IsDue(*key)) redigester_->Take(key, hash);
  return key;
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
