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
#include "server/metrics/connection_metrics.h"
#include "server/transport/caller_marks.h"
#include "server/transport/connection_acceptor.h"
#include "server/transport/connection_table.h"
#include "server/transport/peer.h"
#include "server/transport/server_limits.h"

namespace claviger {

// Takes its connections in as the server does. Listens from construction to destruction.
class EchoServer final : private grpc::CallbackGenericService {
 public:
  EchoServer(const std::string& address, std::shared_ptr<grpc::ServerCredentials> credentials,
             const ServerLimits& limits = {},
             const ConnectionCaps& caps = {.total = 1000, .per_address = 1000});
  ~EchoServer() override;

  uint16_t port() const { return port_; }
  // What a call with a key does: the caller on that connection is recognised from now on.
  void Recognise(const std::string& grpc_peer) { marks_.Note(grpc_peer); }
  const ConnectionMetrics& metrics() const { return metrics_; }

  // Makes one call of `message` to `target`; returns the peer that the server saw.
  absl::StatusOr<Peer> Call(const std::string& target,
                            const std::shared_ptr<grpc::ChannelCredentials>& credentials,
                            const std::string& message = "");

 private:
  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override;

  uint16_t port_ = 0;
  CallerMarks marks_;
  ConnectionMetrics metrics_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<ConnectionAcceptor> acceptor_;
  absl::Mutex mutex_;
  Peer last_peer_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace claviger

#endif  // CLAVIGER_TESTS_UNIT_SERVER_TRANSPORT_ECHO_SERVER_H_
