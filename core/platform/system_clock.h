// The machine's clock.
#ifndef CLAVIGER_CORE_PLATFORM_SYSTEM_CLOCK_H_
#define CLAVIGER_CORE_PLATFORM_SYSTEM_CLOCK_H_

#include "core/clock.h"

namespace claviger {

class SystemClock final : public Clock {
 public:
  absl::Time Now() const override;
  absl::Duration SinceBoot() const override;
};

}  // namespace claviger

#endif  // CLAVIGER_CORE_PLATFORM_SYSTEM_CLOCK_H_
