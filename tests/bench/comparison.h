// A measure against its floor, over several rounds.
#ifndef CLAVIGER_TESTS_BENCH_COMPARISON_H_
#define CLAVIGER_TESTS_BENCH_COMPARISON_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "tests/bench/bench.pb.h"

namespace claviger::bench {

// Gives one figure.
using Measurement = std::function<absl::StatusOr<double>()>;

// Measures value and floor in each of `rounds`, which one first in turns, so that what else the
// machine does falls on both. Fills floor, value and ratios of `row`, and whether its goal is met:
// medians, of the ratios those within a round, since the machine's speed drifts from round to
// round.
absl::Status Compare(int rounds, const Measurement& floor, const Measurement& value, Row& row);

// The same for figures that were measured otherwise, one of each in each round. INTERNAL when a
// floor is not above 0.
absl::Status Summarize(const std::vector<double>& floors, const std::vector<double>& values,
                       Row& row);

double Median(std::vector<double> values);

}  // namespace claviger::bench

#endif  // CLAVIGER_TESTS_BENCH_COMPARISON_H_
