#include "tests/bench/rows/rows.h"

namespace claviger::bench {

std::span<const RowDefinition> AllRows() {
  static constexpr RowDefinition kRows[] = {
      {"P1", MeasureVerifyThroughput}, {"P2", MeasureVerifyLatency}, {"P3", MeasureCachedChecks},
      {"P4", MeasureCachedChecks},     {"P5", MeasureStrictRevokes}, {"P6", MeasureIssueThroughput},
      {"P7", MeasureVerifyAtScale},    {"P8", MeasureVerifyAtScale}, {"P9", MeasureVerifyAtScale},
      {"P10", MeasureGarbageFloods},   {"P11", MeasureBatchVerify},  {"P12", MeasureListKeys},
      {"P13", MeasureIdleSessions},    {"P14", MeasureBulkRevokes},  {"P15", MeasureAnswerTime},
  };
  return kRows;
}

}  // namespace claviger::bench
