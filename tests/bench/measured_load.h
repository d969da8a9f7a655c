// A load on a server, measured again and again.
#ifndef CLAVIGER_TESTS_BENCH_MEASURED_LOAD_H_
#define CLAVIGER_TESTS_BENCH_MEASURED_LOAD_H_

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "tests/bench/bench.pb.h"

namespace claviger::bench {

// Which figure of a load is looked at.
using LoadFigure = double (*)(const LoadResult& result);

inline double CallsPerSecond(const LoadResult& result) { return result.calls_per_second(); }
inline double MedianMicroseconds(const LoadResult& result) { return result.p50_us(); }

// One load, and what its server spends on it.
class MeasuredLoad {
 public:
  // `self` is the path of this program; `server_cpu_time` gives the CPU time that the server has
  // used so far.
  MeasuredLoad(std::string self, LoadSpec load, std::function<absl::Duration()> server_cpu_time)
      : self_(std::move(self)),
        load_(std::move(load)),
        server_cpu_time_(std::move(server_cpu_time)) {}

  absl::StatusOr<double> Measure(LoadFigure figure);

  const LoadSpec& load() const { return load_; }
  // The last answer's size.
  uint32_t answer_bytes() const { return answer_bytes_; }
  // CPU time that the server used for a call, in microseconds: median over the measurements.
  double ServerMicrosecondsPerCall() const;

 private:
  const std::string self_;
  const LoadSpec load_;
  const std::function<absl::Duration()> server_cpu_time_;
  uint32_t answer_bytes_ = 0;
  std::vector<double> server_us_per_call_;
};

}  // namespace claviger::bench

#endif  // CLAVIGER_TESTS_BENCH_MEASURED_LOAD_H_
