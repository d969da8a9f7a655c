#include "client/cli/retry.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "client/cli/error_details.h"

namespace claviger::cli {
namespace {

constexpr absl::Duration kFirstDelay = absl::Milliseconds(100);
constexpr int kGrowth = 3;

}  // namespace

absl::Duration Jittered(absl::Duration delay, RandomSource& random) {
  std::array<uint8_t, 1> byte{};
  if (!random.Fill(byte).ok()) return delay;
  return delay * (0.5 + byte[0] / 255.0);
}

grpc::Status CallWithRetry(Retry retry, absl::Duration deadline, const Clock& clock,
                           RandomSource& random, const std::function<void(absl::Duration)>& wait,
                           const std::function<grpc::Status()>& attempt) {
  absl::Duration delay = kFirstDelay;
  grpc::Status status = attempt();
  for (int retries = 0; retries < kMaxRetries; ++retries, delay *= kGrowth) {
    if (retry == Retry::kNever || status.error_code() != grpc::StatusCode::UNAVAILABLE) break;
    const absl::Duration pause = std::max(
        Jittered(delay, random), DetailsFrom(status).retry_after.value_or(absl::ZeroDuration()));
    if (clock.SinceBoot() + pause >= deadline) break;
    wait(pause);
    status = attempt();
  }
  return status;
}

}  // namespace claviger::cli
