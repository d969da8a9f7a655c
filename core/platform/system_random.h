// OpenSSL's private random generator.
#ifndef CLAVIGER_CORE_PLATFORM_SYSTEM_RANDOM_H_
#define CLAVIGER_CORE_PLATFORM_SYSTEM_RANDOM_H_

#include "core/random.h"

namespace claviger {

// RAND_priv_bytes: seeded by the kernel, separate from the generator whose output is public.
class SystemRandom final : public RandomSource {
 public:
  absl::Status Fill(std::span<uint8_t> out) override;
};

}  // namespace claviger

#endif  // CLAVIGER_CORE_PLATFORM_SYSTEM_RANDOM_H_
