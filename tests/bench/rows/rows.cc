#include "tests/bench/rows/rows.h"

namespace claviger::bench {

std::span<const RowDefinition> AllRows() {
  static constexpr RowDefinition kRows[] = {
      {"P1", MeasureVerifyThroughput},
      {"P2", MeasureVerifyLatency},
      {"P6", MeasureIssueThroughput},
      {"P7", MeasureVerifyAtScale},
  };
  return kRows;
}

}  // namespace claviger::bench
