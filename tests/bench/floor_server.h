// The server whose handler does nothing.
#ifndef CLAVIGER_TESTS_BENCH_FLOOR_SERVER_H_
#define CLAVIGER_TESTS_BENCH_FLOOR_SERVER_H_

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "grpcpp/impl/service_type.h"
#include "tests/support/child_process.h"

namespace claviger::bench {

inline constexpr std::string_view kFloorServerMode = "floor-server";

// The program of the floor server's process. Returns the exit status.
int RunFloorServer();

// Serves `services` with the same gRPC library and options as clavigerd on a port that it prints,
// until its input ends. For the program of any floor server; returns its exit status.
int ServeUntilInputEnds(std::initializer_list<grpc::Service*> services);

// That process, seen from the one that measures.
class FloorServer {
 public:
  // `self` is the path of this program, `mode` what it is called with.
  static absl::StatusOr<std::unique_ptr<FloorServer>> Start(const std::string& self,
                                                            const std::vector<std::string>& mode = {
                                                                std::string(kFloorServerMode)});

  const std::string& address() const { return address_; }
  absl::Duration CpuTime() const { return process_->CpuTime(); }
  size_t ResidentBytes() const { return process_->ResidentBytes(); }

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
