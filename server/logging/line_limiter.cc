#include "server/logging/line_limiter.h"

#include <utility>

namespace claviger::log {

std::optional<uint64_t> LineLimiter::Admit(absl::Duration since_boot) {
  absl::MutexLock lock(&mutex_);
  if (since_boot - window_begin_ >= absl::Seconds(1)) {
    window_begin_ = since_boot;
    admitted_ = 0;
  }
  if (admitted_ >= lines_per_second_) {
    ++left_out_;
    return std::nullopt;
  }
  ++admitted_;
  return std::exchange(left_out_, 0);
}

}  // namespace claviger::log
