#include "core/platform/system_clock.h"

#include <cstdio>
#include <cstdlib>
#include <ctime>

#include "absl/time/clock.h"

namespace claviger {

absl::Time SystemClock::Now() const { return absl::Now(); }

absl::Duration SystemClock::SinceBoot() const {
  timespec now{};
  if (clock_gettime(CLOCK_BOOTTIME, &now) != 0) {
    // Leases would be judged by a wrong time: nothing can go on from here.
    std::perror("clock_gettime(CLOCK_BOOTTIME)");
    std::abort();
  }
  return absl::DurationFromTimespec(now);
}

}  // namespace claviger
