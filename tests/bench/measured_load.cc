#include "tests/bench/measured_load.h"

#include "tests/bench/comparison.h"
#include "tests/bench/load_client.h"

namespace claviger::bench {

absl::StatusOr<double> MeasuredLoad::Measure(LoadFigure figure) {
  const absl::Duration before = server_cpu_time_();
  const absl::StatusOr<LoadResult> result = RunLoad(self_, load_);
  if (!result.ok()) return result.status();
  server_us_per_call_.push_back(absl::ToDoubleMicroseconds(server_cpu_time_() - before) /
                                static_cast<double>(result->all_calls()));
  answer_bytes_ = result->answer_bytes();
  return figure(*result);
}

double MeasuredLoad::ServerMicrosecondsPerCall() const { return Median(server_us_per_call_); }

}  // namespace claviger::bench
