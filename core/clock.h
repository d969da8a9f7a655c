// Time comes in from outside, so that tests move it instead of waiting for it.
#ifndef CLAVIGER_CORE_CLOCK_H_
#define CLAVIGER_CORE_CLOCK_H_

#include "absl/time/time.h"

namespace claviger {

// Tells the time. The real one is `SystemClock` in core/platform/, the tests' is `FakeClock` in
// tests/support/.
//
// Thread safety: all methods may be called from any thread at once.
class Clock {
 public:
  virtual ~Clock() = default;

  // Wall time. May jump; only for what people wrote down as a date (expiry, create time).
  virtual absl::Time Now() const = 0;

  // Time since some fixed moment, never set back, running on through suspend (CLOCK_BOOTTIME). For
  // leases, deadlines and durations.
  virtual absl::Duration SinceBoot() const = 0;
};

}  // namespace claviger

#endif  // CLAVIGER_CORE_CLOCK_H_
