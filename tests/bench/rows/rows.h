// The rows of the bench. A new one is a file of its own here, a line in this header and one in
// rows.cc.
#ifndef CLAVIGER_TESTS_BENCH_ROWS_ROWS_H_
#define CLAVIGER_TESTS_BENCH_ROWS_ROWS_H_

#include <span>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "tests/bench/bench.pb.h"
#include "tests/bench/environment.h"

namespace claviger::bench {

// Each blocks until it has measured, and gives its rows.
absl::StatusOr<std::vector<Row>> MeasureVerifyThroughput(BenchEnvironment& environment);  // P1
absl::StatusOr<std::vector<Row>> MeasureVerifyLatency(BenchEnvironment& environment);     // P2
absl::StatusOr<std::vector<Row>> MeasureCachedChecks(BenchEnvironment& environment);      // P3, P4
absl::StatusOr<std::vector<Row>> MeasureStrictRevokes(BenchEnvironment& environment);     // P5
absl::StatusOr<std::vector<Row>> MeasureIssueThroughput(BenchEnvironment& environment);   // P6
absl::StatusOr<std::vector<Row>> MeasureVerifyAtScale(BenchEnvironment& environment);  // P7 to P9
absl::StatusOr<std::vector<Row>> MeasureGarbageFloods(BenchEnvironment& environment);  // P10
absl::StatusOr<std::vector<Row>> MeasureBatchVerify(BenchEnvironment& environment);    // P11
absl::StatusOr<std::vector<Row>> MeasureListKeys(BenchEnvironment& environment);       // P12
absl::StatusOr<std::vector<Row>> MeasureIdleSessions(BenchEnvironment& environment);   // P13
absl::StatusOr<std::vector<Row>> MeasureBulkRevokes(BenchEnvironment& environment);    // P14
absl::StatusOr<std::vector<Row>> MeasureAnswerTime(BenchEnvironment& environment);     // P15

struct RowDefinition {
  std::string_view id;
  // Rows of several ids may come of one.
  absl::StatusOr<std::vector<Row>> (*measure)(BenchEnvironment& environment);
};

// All of them, in the order of the report.
std::span<const RowDefinition> AllRows();

}  // namespace claviger::bench

#endif  // CLAVIGER_TESTS_BENCH_ROWS_ROWS_H_
