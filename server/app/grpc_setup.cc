#include "server/app/grpc_setup.h"

#include <cstdint>
#include <utility>

#include "core/status.h"
#include "fmt/format.h"
#include "grpc/health/v1/health.pb.h"
#include "grpcpp/ext/proto_server_reflection_plugin.h"
#include "grpcpp/health_check_service_interface.h"
#include "grpcpp/server_builder.h"
#include "server/logging/log.h"
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
  grpc::EnableDefaultHealthCheckService(true);
  if (config.reflection_enabled()) {
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
    // gRPC's own health service comes without descriptors; this links them in, so that reflection
    // can describe it too.
    grpc::health::v1::HealthCheckRequest::descriptor();
  }
  grpc::ServerBuilder builder;
  ApplyLimits(config.limits, builder);
  // A second server on the same port must fail, not share it.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  int port = 0;
  const ListenAddress& address = config.listen.grpc;
  builder.AddListeningPort(address.ToString(), parts.credentials, &port);
  for (grpc::Service* service : parts.services) builder.RegisterService(service);
  builder.RegisterCallbackGenericService(parts.unknown_methods);
  GrpcServer started;
  started.server = builder.BuildAndStart();
  if (started.server == nullptr || port == 0) {
    return ErrorBuilder(absl::StatusCode::kUnavailable, Reason::kConfigInvalid)
        .Build(fmt::format("--listen {}: cannot listen there; is another server using it?",
                           address.ToString()));
  }
  started.address = address.is_unix() ? address.ToString()
                                      : address.WithPort(static_cast<uint16_t>(port)).ToString();
  return started;
}

}  // namespace claviger
