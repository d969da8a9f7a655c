// The rows of the bench. A new one is a file of its own here, a line in this header and one in
// rows.cc.
#ifndef CLAVIGER_TESTS_BENCH_ROWS_ROWS_H_
#define CLAVIGER_TESTS_BENCH_ROWS_ROWS_H_

#include <span>
#include <string_view>

#include "absl/status/statusor.h"
#include "tests/bench/bench.pb.h"
#include "tests/bench/environment.h"

namespace claviger::bench {

// Each blocks until it has measured.
absl::StatusOr<Row> MeasureVerifyThroughput(BenchEnvironment& environment);  // P1
absl::StatusOr<Row> MeasureVerifyLatency(BenchEnvironment& environment);     // P2
absl::StatusOr<Row> MeasureIssueThroughput(BenchEnvironment& environment);   // P6
absl::StatusOr<Row> MeasureVerifyAtScale(BenchEnvironment& environment);     // P7

struct RowDefinition {
  std::string_view id;
  absl::StatusOr<Row> (*measure)(BenchEnvironment& environment);
};

// All of them, in the order of the report.
std::span<const RowDefinition> AllRows();

}  // namespace claviger::bench

#endif  // CLAVIGER_TESTS_BENCH_ROWS_ROWS_H_
