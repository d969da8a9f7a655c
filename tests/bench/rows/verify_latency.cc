// P2: how long a check takes beyond the RPC itself.

#include "tests/bench/rows/rows.h"
#include "tests/bench/rows/verify_against_floor.h"

namespace claviger::bench {

absl::StatusOr<std::vector<Row>> MeasureVerifyLatency(BenchEnvironment& environment) {
  Row row;
  row.set_id("P2");
  row.set_measure("Verify p50, 1 in flight");
  row.set_floor_name("an RPC of the same sizes and metadata whose handler does nothing");
  row.set_unit("us");
  row.set_goal(1.15);
  row.set_goal_is_minimum(false);
  absl::Status compared = CompareVerifyWithFloor(environment, 1, MedianMicroseconds, row);
  if (!compared.ok()) return compared;
  return std::vector<Row>{std::move(row)};
}

}  // namespace claviger::bench
