// Keeps strangers from filling the log.
#ifndef CLAVIGER_SERVER_LOGGING_LINE_LIMITER_H_
#define CLAVIGER_SERVER_LOGGING_LINE_LIMITER_H_

#include <cstdint>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace claviger::log {

// Lets a number of lines pass in each second.
//
// Thread safety: all methods may be called from any thread at once.
class LineLimiter {
 public:
  explicit LineLimiter(uint64_t lines_per_second) : lines_per_second_(lines_per_second) {}

  // nullopt: leave the line out. Else write it; the value is how many were left out before it.
  // `since_boot` does not go back.
  std::optional<uint64_t> Admit(absl::Duration since_boot);

 private:
  const uint64_t lines_per_second_;
  absl::Mutex mutex_;
  absl::Duration window_begin_ ABSL_GUARDED_BY(mutex_) = -absl::InfiniteDuration();
  uint64_t admitted_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t left_out_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace claviger::log

#endif  // CLAVIGER_SERVER_LOGGING_LINE_LIMITER_H_
