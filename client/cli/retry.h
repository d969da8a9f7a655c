// Tries a call again when the server was not available.
#ifndef CLAVIGER_CLIENT_CLI_RETRY_H_
#define CLAVIGER_CLIENT_CLI_RETRY_H_

#include <grpcpp/support/status.h>

#include <functional>

#include "absl/time/time.h"
#include "core/clock.h"
#include "core/random.h"

namespace claviger::cli {

// Whether a call may be made twice: reads, checks, and what carries a request id.
enum class Retry { kNever, kIfUnavailable };

inline constexpr int kMaxRetries = 3;

// `delay` times something between 0.5 and 1.5, so that clients do not come back together. Without
// entropy: `delay`.
absl::Duration Jittered(absl::Duration delay, RandomSource& random);

// Makes `attempt`, and again at most 3 times while it answers UNAVAILABLE, `retry` allows it and
// `deadline` (on `clock.SinceBoot()`) is not passed. Waits in between, by `wait`: 0.1, 0.3 and
// 0.9 s, jittered; as long as the server's RetryInfo says where that is longer. Returns the last
// answer.
grpc::Status CallWithRetry(Retry retry, absl::Duration deadline, const Clock& clock,
                           RandomSource& random, const std::function<void(absl::Duration)>& wait,
                           const std::function<grpc::Status()>& attempt);

}  // namespace claviger::cli

#endif  // CLAVIGER_CLIENT_CLI_RETRY_H_
