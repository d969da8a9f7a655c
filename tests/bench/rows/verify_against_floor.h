// What P1 and P2 share.
#ifndef CLAVIGER_TESTS_BENCH_ROWS_VERIFY_AGAINST_FLOOR_H_
#define CLAVIGER_TESTS_BENCH_ROWS_VERIFY_AGAINST_FLOOR_H_

#include <cstdint>

#include "absl/status/status.h"
#include "tests/bench/bench.pb.h"
#include "tests/bench/environment.h"
#include "tests/bench/measured_load.h"

namespace claviger::bench {

// Measures `figure` of the load of `in_flight` Verify calls on 10,000 keys, all of which the record
// cache holds, against the same load on a handler that does nothing; fills the figures of `row`.
absl::Status CompareVerifyWithFloor(BenchEnvironment& environment, uint32_t in_flight,
                                    LoadFigure figure, Row& row);

}  // namespace claviger::bench

#endif  // CLAVIGER_TESTS_BENCH_ROWS_VERIFY_AGAINST_FLOOR_H_
