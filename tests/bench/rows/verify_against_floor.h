// What P1 and P2 share.
#ifndef CLAVIGER_TESTS_BENCH_ROWS_VERIFY_AGAINST_FLOOR_H_
#define CLAVIGER_TESTS_BENCH_ROWS_VERIFY_AGAINST_FLOOR_H_

#include "absl/status/status.h"
#include "tests/bench/bench.pb.h"
#include "tests/bench/environment.h"

namespace claviger::bench {

// Measures `figure` of the load of `in_flight` Verify calls on 10,000 keys, against the same load
// on a handler that does nothing, and fills the figures of `row`.
absl::Status CompareVerifyWithFloor(BenchEnvironment& environment, uint32_t in_flight,
                                    double (*figure)(const LoadResult& result), Row& row);

}  // namespace claviger::bench

#endif  // CLAVIGER_TESTS_BENCH_ROWS_VERIFY_AGAINST_FLOOR_H_
