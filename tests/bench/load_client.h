// Load on a server, from a process of its own.
#ifndef CLAVIGER_TESTS_BENCH_LOAD_CLIENT_H_
#define CLAVIGER_TESTS_BENCH_LOAD_CLIENT_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "tests/bench/bench.pb.h"

namespace claviger::bench {

inline constexpr std::string_view kLoadClientMode = "load-client";

// The program of the client's process: reads a LoadSpec from its input, does it, writes a
// LoadResult. Returns the exit status.
int RunLoadClient();

// Starts that process and waits for it. `self` is the path of this program. Errors also when a call
// failed: a figure of failing calls means nothing.
absl::StatusOr<LoadResult> RunLoad(const std::string& self, const LoadSpec& spec);

}  // namespace claviger::bench

#endif  // CLAVIGER_TESTS_BENCH_LOAD_CLIENT_H_
