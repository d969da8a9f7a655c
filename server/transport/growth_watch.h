// Whether something has grown too fast.
#ifndef CLAVIGER_SERVER_TRANSPORT_GROWTH_WATCH_H_
#define CLAVIGER_SERVER_TRANSPORT_GROWTH_WATCH_H_

#include <cstdint>
#include <deque>

#include "absl/time/time.h"

namespace claviger {

// Compares a figure with the lowest that it had within the time before.
//
// Thread safety: none.
class GrowthWatch {
 public:
  // REQUIRES: `window` is positive.
  explicit GrowthWatch(absl::Duration window) : window_(window) {}

  // By how much `figure` is above the lowest that was given within the window before `now`, itself
  // included. `now` does not go back.
  uint64_t Observe(uint64_t figure, absl::Duration now);

 private:
  struct Seen {
    absl::Duration at;
    uint64_t figure;
  };

  const absl::Duration window_;
  // Rising figures: each is the lowest from its time on.
  std::deque<Seen> lowest_;
};

}  // namespace claviger

#endif  // CLAVIGER_SERVER_TRANSPORT_GROWTH_WATCH_H_
