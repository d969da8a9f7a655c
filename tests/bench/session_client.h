// Verifying sessions without a cache, from a process of their own.
#ifndef CLAVIGER_TESTS_BENCH_SESSION_CLIENT_H_
#define CLAVIGER_TESTS_BENCH_SESSION_CLIENT_H_

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "tests/bench/bench.pb.h"
#include "tests/support/child_process.h"

namespace claviger::bench {

inline constexpr std::string_view kSessionClientMode = "session-client";

// The program of the sessions' process: reads a SessionSpec from its input, keeps the sessions (see
// docs/invalidation.md; they acknowledge at once, and beat as they are told), says so in a line
// once each has a lease, and goes on until it is ended. Ends by itself, with an error status, only
// when a session did.
int RunSessionClient();

// That process, seen from the one that measures. The sessions end with it.
class SessionClient {
 public:
  // Returns once all sessions have a lease. `self` is the path of this program.
  static absl::StatusOr<std::unique_ptr<SessionClient>> Start(const std::string& self,
                                                              const SessionSpec& spec);

  absl::Duration CpuTime() const { return process_->CpuTime(); }

 private:
  explicit SessionClient(std::unique_ptr<ChildProcess> process) : process_(std::move(process)) {}

  std::unique_ptr<ChildProcess> process_;
};

}  // namespace claviger::bench

#endif  // CLAVIGER_TESTS_BENCH_SESSION_CLIENT_H_
