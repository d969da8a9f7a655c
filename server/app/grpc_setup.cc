#include "server/app/grpc_setup.h"

#include <chrono>
#include <utility>

#include "core/status.h"
#include "grpc/health/v1/health.pb.h"
#include "grpcpp/ext/proto_server_reflection_plugin.h"
#include "grpcpp/health_check_service_interface.h"
#include "grpcpp/server_builder.h"
#include "server/logging/log.h"
#include "server/transport/listen_socket.h"
#include "server/transport/open_files.h"
#include "server/transport/server_limits.h"

namespace claviger {

absl::StatusOr<std::unique_ptr<CertificateReloader>> MakeCertificates(const ServerConfig& config,
                                                                      const Clock& clock,
                                                                      ServerMetrics& metrics) {
  if (!config.tls_enabled()) return std::unique_ptr<CertificateReloader>();
  absl::StatusOr<std::unique_ptr<CertificateReloader>> certificates = CertificateReloader::Create(
      {config.tls.files, config.tls.client_auth}, clock,
      [&metrics](CertificatePoll outcome, const absl::Status& status, absl::Time not_after) {
        metrics.CountCertificateReload(outcome == CertificatePoll::kReloaded);
        metrics.SetCertificateExpiry(not_after);
        if (outcome == CertificatePoll::kReloaded) {
          log::Info("certificate reloaded", {{"not_after", absl::FormatTime(not_after)}});
        } else {
          log::Error("new certificate refused, the old one goes on serving",
                     {{"why", std::string(status.message())}});
        }
      });
  if (certificates.ok()) metrics.SetCertificateExpiry((*certificates)->not_after());
  return certificates;
}

absl::StatusOr<GrpcServer> StartGrpcServer(const ServerConfig& config, const GrpcParts& parts) {
  absl::StatusOr<ListenSocket> socket =
      ListenSocket::Open(config.listen.grpc, config.limits.keepalive_timeout);
  if (!socket.ok()) return socket.status();
  const ConnectionCaps caps = CapsWithin(config.limits, OpenFiles());
  if (caps.total < config.limits.max_connections) {
    log::Warning("fewer connections than configured, for want of open files",
                 {{"max_connections", caps.total},
                  {"configured", config.limits.max_connections},
                  {"open_files", OpenFiles()}});
  }
  grpc::EnableDefaultHealthCheckService(true);
  if (config.reflection_enabled()) {
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
    // gRPC's own health service comes without descriptors; this links them in, so that reflection
    // can describe it too.
    grpc::health::v1::HealthCheckRequest::descriptor();
  }
  grpc::ServerBuilder builder;
  ApplyLimits(config.limits, builder);
  auto to_grpc = builder.experimental().AddExternalConnectionAcceptor(
      grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD, parts.credentials);
  for (grpc::Service* service : parts.services) builder.RegisterService(service);
  builder.RegisterCallbackGenericService(parts.unknown_methods);
  GrpcServer started;
  started.server = builder.BuildAndStart();
  if (started.server == nullptr) {
    return ErrorBuilder(absl::StatusCode::kUnavailable, Reason::kConfigInvalid)
        .Build("gRPC does not start; the log says why");
  }
  started.address = socket->address().ToString();
  started.acceptor = std::make_unique<ConnectionAcceptor>(
      *std::move(socket), std::move(to_grpc), caps, *parts.caller_marks, *parts.metrics);
  return started;
}

void GrpcServer::Stop(absl::Duration drain) {
  if (server == nullptr) return;
  acceptor->Stop();
  if (auto* health = server->GetHealthCheckService()) health->Shutdown();
  server->Shutdown(std::chrono::system_clock::now() + absl::ToChronoMilliseconds(drain));
  server->Wait();
}

}  // namespace claviger
