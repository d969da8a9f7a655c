// A gRPC server without a service: answers every call with what it knows of the caller.
#ifndef CLAVIGER_TESTS_UNIT_SERVER_TRANSPORT_ECHO_SERVER_H_
#define CLAVIGER_TESTS_UNIT_SERVER_TRANSPORT_ECHO_SERVER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "grpcpp/generic/async_generic_service.h"
#include "grpcpp/security/credentials.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"
#include "server/transport/peer.h"
#include "server/transport/server_limits.h"

namespace claviger {

// Listens from construction to destruction.
class EchoServer final : private grpc::CallbackGenericService {
 public:
  EchoServer(const std::string& address, std::shared_ptr<grpc::ServerCredentials> credentials,
             const ServerLimits& limits = {});
  ~EchoServer() override;

  uint16_t port() const { return static_cast<uint16_t>(port_); }

  // Makes one call of `message` to `target`; returns the peer that the server saw.
  absl::StatusOr<Peer> Call(const std::string& target,
                            const std::shared_ptr<grpc::ChannelCredentials>& credentials,
                            const std::string& message = "");

 private:
  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override;

  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
  absl::Mutex mutex_;
  Peer last_peer_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace claviger

#endif  // CLAVIGER_TESTS_UNIT_SERVER_TRANSPORT_ECHO_SERVER_H_
