#include "tests/bench/floor_server.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "fmt/format.h"
#include "grpcpp/health_check_service_interface.h"
#include "grpcpp/security/server_credentials.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"
#include "server/transport/server_limits.h"
#include "tests/bench/bench.grpc.pb.h"

namespace claviger::bench {
namespace {

constexpr uint32_t kMaxPaddingBytes = 64 << 10;
constexpr absl::Duration kStartTimeout = absl::Seconds(10);

class FloorService final : public Floor::CallbackService {
 public:
  grpc::ServerUnaryReactor* Call(grpc::CallbackServerContext* context, const FloorRequest* request,
                                 FloorResponse* response) override {
    response->mutable_padding()->resize(std::min(request->padding_bytes(), kMaxPaddingBytes));
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }
};

// How long a bytes field's content must be for a message of `message_bytes` that has the field at
// its end, behind `other_bytes` of others.
size_t PaddingFor(size_t message_bytes, size_t other_bytes) {
  size_t padding = message_bytes - std::min(message_bytes, other_bytes + 2);
  if (padding > 127) --padding;  // a length above 127 takes a second byte
  return padding;
}

}  // namespace

int ServeUntilInputEnds(std::initializer_list<grpc::Service*> services) {
  grpc::EnableDefaultHealthCheckService(true);
  grpc::ServerBuilder builder;
  ApplyLimits(ServerLimits(), builder);
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  for (grpc::Service* service : services) builder.RegisterService(service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr || port == 0) return EXIT_FAILURE;
  fmt::print("127.0.0.1:{}\n", port);
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
  // Without waiting for streams, which last as long as their clients.
  server->Shutdown(std::chrono::system_clock::now());
  return EXIT_SUCCESS;
}

int RunFloorServer() {
  FloorService service;
  return ServeUntilInputEnds({&service});
}

absl::StatusOr<std::unique_ptr<FloorServer>> FloorServer::Start(
    const std::string& self, const std::vector<std::string>& mode) {
  std::vector<std::string> argv = {self};
  argv.insert(argv.end(), mode.begin(), mode.end());
  auto process = ChildProcess::Start({.argv = std::move(argv)});
  if (!process.ok()) return process.status();
  absl::StatusOr<std::string> address = (*process)->ReadLine(kStartTimeout);
  if (!address.ok()) return address.status();
  return std::unique_ptr<FloorServer>(new FloorServer(*std::move(process), *std::move(address)));
}

std::string FloorRequestBytes(size_t request_bytes, size_t answer_bytes) {
  FloorRequest request;
  request.set_padding_bytes(static_cast<uint32_t>(PaddingFor(answer_bytes, 0)));
  const size_t others = request.ByteSizeLong();
  request.set_padding(std::string(PaddingFor(request_bytes, others), 'x'));
  return request.SerializeAsString();
}

}  // namespace claviger::bench
