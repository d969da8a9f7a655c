// The server whose handler does nothing.
#ifndef CLAVIGER_TESTS_BENCH_FLOOR_SERVER_H_
#define CLAVIGER_TESTS_BENCH_FLOOR_SERVER_H_

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "tests/bench/child_process.h"

namespace claviger::bench {

inline constexpr std::string_view kFloorServerMode = "floor-server";

// The program of the floor server's process: serves until its input ends. Same gRPC library,
// callback API and options as clavigerd. Returns the exit status.
int RunFloorServer();

// That process, seen from the one that measures.
class FloorServer {
 public:
  // `self` is the path of this program.
  static absl::StatusOr<std::unique_ptr<FloorServer>> Start(const std::string& self);

  const std::string& address() const { return address_; }
  absl::Duration CpuTime() const { return process_->CpuTime(); }

 private:
  FloorServer(std::unique_ptr<ChildProcess> process, std::string address)
      : process_(std::move(process)), address_(std::move(address)) {}

  std::unique_ptr<ChildProcess> process_;
  std::string address_;
};

inline constexpr std::string_view kFloorMethod = "/claviger.bench.Floor/Call";

// A request of `request_bytes` that asks for an answer of `answer_bytes`; or, for sizes below 8
// bytes, of about that.
std::string FloorRequestBytes(size_t request_bytes, size_t answer_bytes);

}  // namespace claviger::bench

#endif  // CLAVIGER_TESTS_BENCH_FLOOR_SERVER_H_
