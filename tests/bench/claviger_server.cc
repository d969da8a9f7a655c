#include "tests/bench/claviger_server.h"

#include "tests/support/http_get.h"

namespace claviger::bench {

absl::StatusOr<std::unique_ptr<ClavigerServer>> ClavigerServer::Start(BenchEnvironment& environment,
                                                                      const std::string& data_dir) {
  absl::StatusOr<std::unique_ptr<ClavigerdProcess>> server =
      ClavigerdProcess::Start({.program = environment.options().server,
                               .data_dir = data_dir,
                               .log_file = environment.NewPath("clavigerd.log"),
                               // A thousand sessions, and who measures, come from one address here.
                               .flags = {"--max-connections-per-address", "5000"}});
  if (!server.ok()) return server.status();
  return std::unique_ptr<ClavigerServer>(new ClavigerServer(*std::move(server)));
}

absl::StatusOr<double> ClavigerServer::Metric(std::string_view name) const {
  return GetMetric(server_->http_address(), name);
}

}  // namespace claviger::bench
