#include "server/manage/key_mint.h"

#include <memory>
#include <utility>

#include "core/key_format.h"
#include "core/status.h"

namespace claviger {

absl::StatusOr<Secret> KeyMint::Mint(const StateReader& state, const std::string& prefix,
                                     KeyRecord& key) const {
  absl::StatusOr<KeyId> id = KeyId::Generate(random_);
  if (!id.ok()) return id.status();
  absl::StatusOr<std::shared_ptr<const KeyRecord>> taken = state.FindKey(*id);
  if (!taken.ok()) return taken.status();
  if (*taken != nullptr) {
    // 83 random bits do not collide: the entropy source is broken, and no key of its making may go
    // out.
    return ErrorBuilder(absl::StatusCode::kInternal, Reason::kInternal)
        .Build("the random source repeated a key id; no key was issued");
  }
  absl::StatusOr<Secret> raw_key = GenerateKey(prefix, key.environment, *id, random_);
  if (!raw_key.ok()) return raw_key.status();
  absl::StatusOr<KeyDigest> digest =
      peppers_.Digest(peppers_.writing_id(), *id, HashKey(raw_key->ExposeSecret()));
  if (!digest.ok()) return digest.status();
  key.id = *id;
  key.prefix = prefix;
  key.masked_key = MaskKey(*raw_key);
  key.digest = *digest;
  key.pepper_id = peppers_.writing_id();
  return raw_key;
}

}  // namespace claviger
