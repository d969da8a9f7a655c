// How the gRPC port comes to be served: its credentials, its limits, what is registered on it.
#ifndef CLAVIGER_SERVER_APP_GRPC_SETUP_H_
#define CLAVIGER_SERVER_APP_GRPC_SETUP_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/clock.h"
#include "grpcpp/generic/async_generic_service.h"
#include "grpcpp/impl/service_type.h"
#include "grpcpp/security/server_credentials.h"
#include "grpcpp/server.h"
#include "server/config/server_config.h"
#include "server/metrics/server_metrics.h"
#include "server/transport/caller_marks.h"
#include "server/transport/certificate_reloader.h"
#include "server/transport/connection_acceptor.h"

namespace claviger {

// The certificate of the gRPC port, whose reloads are counted and logged; null where the port
// speaks no TLS. `clock` and `metrics` outlive it. Errors name the file that is not fit.
absl::StatusOr<std::unique_ptr<CertificateReloader>> MakeCertificates(const ServerConfig& config,
                                                                      const Clock& clock,
                                                                      ServerMetrics& metrics);

// What a server is built of; all of it outlives the server.
struct GrpcParts {
  std::shared_ptr<grpc::ServerCredentials> credentials;
  std::vector<grpc::Service*> services;
  // Answers every method that no service has.
  grpc::CallbackGenericService* unknown_methods = nullptr;
  CallerMarks* caller_marks = nullptr;
  ConnectionMetrics* metrics = nullptr;
};

// A server with what lets callers in.
struct GrpcServer {
  std::unique_ptr<grpc::Server> server;
  std::unique_ptr<ConnectionAcceptor> acceptor;
  // Where it listens, with the port that the system chose for 0.
  std::string address;

  // Lets nobody in any more, lets running calls end within `drain`, and cuts off what is left then.
  // Returns when no call runs. Idempotent.
  void Stop(absl::Duration drain);
};

// Listens at config.listen.grpc and serves, within config.limits. Health is always served,
// reflection where the configuration has it on. UNAVAILABLE, naming the address, when nothing can
// listen there.
absl::StatusOr<GrpcServer> StartGrpcServer(const ServerConfig& config, const GrpcParts& parts);

}  // namespace claviger

#endif  // CLAVIGER_SERVER_APP_GRPC_SETUP_H_
