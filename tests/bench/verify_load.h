// The load that the rows about Verify put on a server, and the same on the floor.
#ifndef CLAVIGER_TESTS_BENCH_VERIFY_LOAD_H_
#define CLAVIGER_TESTS_BENCH_VERIFY_LOAD_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tests/bench/bench.pb.h"
#include "tests/bench/claviger_server.h"
#include "tests/bench/environment.h"
#include "tests/bench/floor_server.h"
#include "tests/bench/key_set.h"

namespace claviger::bench {

// What most callers have: one connection to the authority.
inline constexpr uint32_t kConnections = 1;

// Look-ups of records that clavigerd could not answer from its record cache.
inline constexpr std::string_view kRecordCacheMisses =
    "claviger_record_cache_lookups_total{result=\"miss\"}";
inline constexpr std::string_view kRecordCacheHits =
    "claviger_record_cache_lookups_total{result=\"hit\"}";

// Checks of random keys of `keys`, each good, with a project and a scope.
LoadSpec VerifyLoad(const BenchEnvironment& environment, const ClavigerServer& server,
                    const KeySet& keys, uint32_t in_flight);

// Puts `load` on a server that has just started until its caches hold what they can of the keys.
absl::Status FillCaches(const BenchEnvironment& environment, const ClavigerServer& server,
                        const LoadSpec& load);

// The same load on a handler that does nothing: same metadata, same sizes of request and answer,
// and the keys are put in as well, so that the client does the same work. Makes one call of `like`
// to learn the answer's size.
absl::StatusOr<LoadSpec> FloorLoad(const BenchEnvironment& environment, const FloorServer& server,
                                   const LoadSpec& like);

}  // namespace claviger::bench

#endif  // CLAVIGER_TESTS_BENCH_VERIFY_LOAD_H_
