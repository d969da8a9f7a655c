// Entropy comes in from outside.
#ifndef CLAVIGER_CORE_RANDOM_H_
#define CLAVIGER_CORE_RANDOM_H_

#include <cstdint>
#include <span>

#include "absl/status/status.h"

namespace claviger {

// A source of unpredictable bytes. The real one is `SystemRandom` in core/platform/.
//
// Thread safety: all methods may be called from any thread at once.
class RandomSource {
 public:
  virtual ~RandomSource() = default;

  // Fills `out` wholly, fit for secrets, or says why not (UNAVAILABLE); then `out` must not be
  // used.
  virtual absl::Status Fill(std::span<uint8_t> out) = 0;
};

}  // namespace claviger

#endif  // CLAVIGER_CORE_RANDOM_H_
