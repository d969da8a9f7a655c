// The load that the rows about Verify put on a server, and the same on the floor.
#ifndef CLAVIGER_TESTS_BENCH_VERIFY_LOAD_H_
#define CLAVIGER_TESTS_BENCH_VERIFY_LOAD_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "tests/bench/bench.pb.h"
#include "tests/bench/claviger_server.h"
#include "tests/bench/environment.h"
#include "tests/bench/floor_server.h"
#include "tests/bench/key_set.h"

namespace claviger::bench {

// What most callers have: one connection to the authority.
inline constexpr uint32_t kConnections = 1;

// Checks of random keys of `keys`, each good, with a project and a scope.
LoadSpec VerifyLoad(const BenchEnvironment& environment, const ClavigerServer& server,
                    const KeySet& keys, uint32_t in_flight);

// The same load on a handler that does nothing: same metadata, same sizes of request and answer,
// and the keys are put in as well, so that the client does the same work. Makes one call of `like`
// to learn the answer's size.
absl::StatusOr<LoadSpec> FloorLoad(const BenchEnvironment& environment, const FloorServer& server,
                                   const LoadSpec& like);

}  // namespace claviger::bench

#endif  // CLAVIGER_TESTS_BENCH_VERIFY_LOAD_H_
