// Calls of one method, so many in flight, for a while.
#ifndef CLAVIGER_TESTS_BENCH_LOAD_GENERATOR_H_
#define CLAVIGER_TESTS_BENCH_LOAD_GENERATOR_H_

#include "absl/status/statusor.h"
#include "tests/bench/bench.pb.h"

namespace claviger::bench {

// Does what `spec` says, through gRPC's callback API and over raw bytes, so that the client costs
// the same whatever it calls. Blocks until the last call is answered.
absl::StatusOr<LoadResult> GenerateLoad(const LoadSpec& spec);

}  // namespace claviger::bench

#endif  // CLAVIGER_TESTS_BENCH_LOAD_GENERATOR_H_
