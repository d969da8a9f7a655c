// Verifier: keys that were made elsewhere, and are known by the digest of their text.

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/secret.h"
#include "server/verify/verifier.h"

namespace claviger {

struct Verifier::ImportedHash {
  static ImportedHash Of(const KeyHash& sha256) {
    return {ImportAlgorithm::kSha256, AsBytes(sha256.bytes), sha256};
  }
  static ImportedHash Of(const Sha512Bytes& sha512) {
    ImportedHash hash{ImportAlgorithm::kSha512, AsBytes(sha512), KeyHash()};
    std::copy_n(sha512.begin(), hash.name.bytes.size(), hash.name.bytes.begin());
    return hash;
  }

  ImportAlgorithm algorithm;
  std::string_view bytes;  // of the credential that is being matched
  // What is remembered of it, for hints and in the cached record. Of a SHA-512 its own first half:
  // a SHA-256 that came beside it is the caller's word, and nothing proves that they are of one
  // text.
  KeyHash name;
};

absl::StatusOr<std::shared_ptr<const CachedKey>> Verifier::Match(const ShownCredential& shown) {
  if (const auto* own = std::get_if<Credential>(&shown)) return Match(std::optional(*own));
  if (const auto* foreign = std::get_if<ForeignCredential>(&shown)) return MatchImported(*foreign);
  return nullptr;
}

absl::StatusOr<std::shared_ptr<const CachedKey>> Verifier::MatchImported(
    const ForeignCredential& credential) {
  if (!cache_.has_imported_keys()) return nullptr;
  std::optional<KeyHash> sha256 = credential.sha256;
  std::optional<Sha512Bytes> sha512 = credential.sha512;
  // First what costs no read, and of that first what costs one hash.
  absl::StatusOr<std::shared_ptr<const CachedKey>> key = nullptr;
  if (!credential.text.empty()) sha256 = HashKey(credential.text);
  if (sha256.has_value()) key = MatchHinted(ImportedHash::Of(*sha256));
  if (!key.ok() || *key != nullptr) return key;
  if (!credential.text.empty()) sha512 = Sha512(credential.text);
  if (sha512.has_value()) key = MatchHinted(ImportedHash::Of(*sha512));
  if (!key.ok() || *key != nullptr) return key;

  observer_.OnRecordLookup(false);
  // A text that was imported by both is two keys, and is either of them.
  if (sha256.has_value()) key = SearchImported(ImportedHash::Of(*sha256));
  if (!key.ok() || *key != nullptr) return key;
  if (sha512.has_value()) key = SearchImported(ImportedHash::Of(*sha512));
  return key;
}

absl::StatusOr<std::shared_ptr<const CachedKey>> Verifier::MatchHinted(const ImportedHash& hash) {
  const std::optional<KeyId> id = imported_hints_.Find(hash.name);
  if (!id.has_value()) return nullptr;
  absl::StatusOr<RecordCache::Lookup> found = cache_.Find(*id);
  if (!found.ok()) return found.status();
  if (found->key == nullptr) return nullptr;
  observer_.OnRecordLookup(found->hit);
  return MatchesImported(std::move(found->key), hash);
}

absl::StatusOr<std::shared_ptr<const CachedKey>> Verifier::SearchImported(
    const ImportedHash& hash) {
  // The writing pepper last: a key changes its pepper from any other one to this, and so is found
  // here if it did so a moment ago, after its old place and before its new one was looked at.
  std::vector<std::string> pepper_ids = peppers_.ids();
  std::rotate(pepper_ids.begin(), pepper_ids.begin() + 1, pepper_ids.end());
  for (const std::string& pepper_id : pepper_ids) {
    const absl::StatusOr<KeyDigest> digest =
        peppers_.ImportedDigest(pepper_id, hash.algorithm, hash.bytes);
    if (!digest.ok()) return digest.status();
    const absl::StatusOr<std::optional<KeyId>> id = cache_.FindImported(*digest);
    if (!id.ok()) return id.status();
    if (!id->has_value()) continue;
    absl::StatusOr<RecordCache::Lookup> found = cache_.Find(**id);
    if (!found.ok()) return found.status();
    if (found->key == nullptr) continue;
    absl::StatusOr<std::shared_ptr<const CachedKey>> key =
        MatchesImported(std::move(found->key), hash);
    if (key.ok() && *key == nullptr) continue;
    if (key.ok()) imported_hints_.Put(hash.name, **id);
    return key;
  }
  return nullptr;
}

absl::StatusOr<std::shared_ptr<const CachedKey>> Verifier::MatchesImported(
    std::shared_ptr<const CachedKey> key, const ImportedHash& hash) const {
  if (key->record().imported != hash.algorithm) return nullptr;
  if (!key->RemembersMatch(hash.name)) {
    const absl::StatusOr<KeyDigest> digest =
        peppers_.ImportedDigest(key->record().pepper_id, hash.algorithm, hash.bytes);
    if (!digest.ok()) {
      // A pepper may go before the last key that can never be good again.
      if (NeedsPepper(key->record())) return digest.status();
      return nullptr;
    }
    if (!Equal(*digest, key->record().digest)) return nullptr;
    key->RememberMatch(hash.name);
  }
  if (redigester_ != nullptr && redigester_->IsDue(*key)) {
    auto held = std::make_shared<const Secret>(std::string(hash.bytes));
    redigester_->Take(key, [&peppers = peppers_, algorithm = hash.algorithm, held] {
      return peppers.ImportedDigest(peppers.writing_id(), algorithm, held->ExposeSecret());
    });
  }
  return key;
}

}  // namespace claviger
