// When a call is made again, and how long it may take.
#ifndef CLAVIGER_CLIENT_SRC_RETRY_H_
#define CLAVIGER_CLIENT_SRC_RETRY_H_

#include <grpcpp/support/status.h>

#include <optional>

#include "absl/time/time.h"
#include "core/random.h"

namespace claviger::client {

// The attempts of one call. For calls that change nothing only: an attempt that failed may have
// been carried out.
//
//   RetrySchedule schedule(deadline, random);
//   while (true) {
//     status = Call(schedule.AttemptDeadline(now));
//     std::optional<absl::Duration> delay = schedule.Next(status.error_code(), now);
//     if (!delay.has_value()) return status;
//     Wait(*delay);
//   }
//
// Thread safety: none.
class RetrySchedule {
 public:
  static constexpr int kMaxAttempts = 4;
  // The range of the first delay doubles with each attempt.
  static constexpr absl::Duration kFirstDelay = absl::Milliseconds(40);

  // `deadline` on the scale of Clock::SinceBoot. `random` outlives this.
  RetrySchedule(absl::Duration deadline, RandomSource& random)
      : deadline_(deadline), random_(random) {}

  // When the attempt that starts `now` must have answered. With `several` endpoints an attempt gets
  // half of the time that is left, so that one which is silent leaves time for another.
  absl::Duration AttemptDeadline(absl::Duration now, bool several) const;

  // How long to wait before the next attempt, at random so that clients do not come back together;
  // nullopt: there is none. Only UNAVAILABLE, and a deadline that was an attempt's own, are worth
  // another attempt, and only when it can begin before the deadline.
  std::optional<absl::Duration> Next(grpc::StatusCode code, absl::Duration now);

 private:
  const absl::Duration deadline_;
  RandomSource& random_;
  int failures_ = 0;
};

}  // namespace claviger::client

#endif  // CLAVIGER_CLIENT_SRC_RETRY_H_
