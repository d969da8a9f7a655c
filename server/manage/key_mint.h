// Gives keys their id and secret.
#ifndef CLAVIGER_SERVER_MANAGE_KEY_MINT_H_
#define CLAVIGER_SERVER_MANAGE_KEY_MINT_H_

#include <string>

#include "absl/status/statusor.h"
#include "core/digest.h"
#include "core/key_record.h"
#include "core/random.h"
#include "core/secret.h"
#include "storage/key_store.h"

namespace claviger {

// Thread safety: all methods may be called from any thread at once.
class KeyMint {
 public:
  // Both outlive the mint.
  KeyMint(const PepperSet& peppers, RandomSource& random) : peppers_(peppers), random_(random) {}

  // Gives `key`, whose environment is set, an id that no key has, and a secret: fills `id`,
  // `prefix`, `masked_key`, `digest` and `pepper_id`, and returns the raw key. UNAVAILABLE when
  // there is no entropy; INTERNAL when the id is taken: entropy that repeats must not make keys.
  absl::StatusOr<Secret> Mint(const StateReader& state, const std::string& prefix,
                              KeyRecord& key) const;

 private:
  const PepperSet& peppers_;
  RandomSource& random_;
};

}  // namespace claviger

#endif  // CLAVIGER_SERVER_MANAGE_KEY_MINT_H_
