#include "client/src/retry.h"

#include <array>
#include <cstdint>

namespace claviger::client {
namespace {

bool IsWorthRetrying(grpc::StatusCode code) {
  return code == grpc::StatusCode::UNAVAILABLE || code == grpc::StatusCode::DEADLINE_EXCEEDED;
}

// Between half of `delay` and all of it. Without entropy: all.
absl::Duration Jittered(absl::Duration delay, RandomSource& random) {
  std::array<uint8_t, 1> drawn{};
  if (!random.Fill(drawn).ok()) return delay;
  return delay * (0.5 + drawn[0] / 510.0);
}

}  // namespace

absl::Duration RetrySchedule::AttemptDeadline(absl::Duration now, bool several) const {
  const bool is_last = failures_ + 1 == kMaxAttempts;
  return several && !is_last ? now + (deadline_ - now) / 2 : deadline_;
}

std::optional<absl::Duration> RetrySchedule::Next(grpc::StatusCode code, absl::Duration now) {
  ++failures_;
  if (!IsWorthRetrying(code) || failures_ >= kMaxAttempts) return std::nullopt;
  const absl::Duration delay = Jittered(kFirstDelay * (1 << (failures_ - 1)), random_);
  if (now + delay >= deadline_) return std::nullopt;
  return delay;
}

}  // namespace claviger::client
