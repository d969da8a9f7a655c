// A wall clock that does not go back.
#ifndef CLAVIGER_CORE_RATCHET_CLOCK_H_
#define CLAVIGER_CORE_RATCHET_CLOCK_H_

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "core/clock.h"

namespace claviger {

// Another clock, save that `Now` never answers less than the floor: what expired stays expired when
// somebody sets the machine's clock back. The floor begins at the latest time that the store has
// seen and follows `Raise`.
//
// Thread safety: all methods may be called from any thread at once.
class RatchetClock final : public Clock {
 public:
  // `clock` outlives this one.
  RatchetClock(const Clock& clock, absl::Time floor)
      : clock_(clock), floor_nanos_(absl::ToUnixNanos(floor)) {}

  absl::Time Now() const override {
    return std::max(clock_.Now(),
                    absl::FromUnixNanos(floor_nanos_.load(std::memory_order_relaxed)));
  }
  absl::Duration SinceBoot() const override { return clock_.SinceBoot(); }

  // Lifts the floor to now. To be called from a timer: `Now` itself writes nothing, since every
  // check calls it.
  void Raise() { floor_nanos_.store(absl::ToUnixNanos(Now()), std::memory_order_relaxed); }

 private:
  const Clock& clock_;
  std::atomic<int64_t> floor_nanos_;
};

}  // namespace claviger

#endif  // CLAVIGER_CORE_RATCHET_CLOCK_H_
