// P1: what a check costs the server beyond the RPC itself.

#include "tests/bench/rows/rows.h"
#include "tests/bench/rows/verify_against_floor.h"

namespace claviger::bench {

absl::StatusOr<std::vector<Row>> MeasureVerifyThroughput(BenchEnvironment& environment) {
  Row row;
  row.set_id("P1");
  row.set_measure("Verify, 64 in flight");
  row.set_floor_name("an RPC of the same sizes and metadata whose handler does nothing");
  row.set_unit("/s");
  row.set_goal(0.90);
  row.set_goal_is_minimum(true);
  absl::Status compared = CompareVerifyWithFloor(environment, 64, CallsPerSecond, row);
  if (!compared.ok()) return compared;
  return std::vector<Row>{std::move(row)};
}

}  // namespace claviger::bench
