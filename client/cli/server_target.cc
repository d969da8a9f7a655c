#include "client/cli/server_target.h"

#include <fmt/format.h>

#include <optional>
#include <utility>

#include "client/src/credential_files.h"

namespace claviger::cli {

absl::StatusOr<client::Endpoint> ParseServer(std::string_view text) {
  std::optional<client::Endpoint> endpoint = client::ParseEndpoint(text);
  if (!endpoint.has_value()) {
    return absl::InvalidArgumentError(fmt::format("--server: must be {}", client::kEndpointSyntax));
  }
  return *std::move(endpoint);
}

absl::StatusOr<Transport> ChooseTransport(const client::Endpoint& target,
                                          const TransportOptions& options) {
  if (options.plaintext && options.any_tls()) {
    return absl::InvalidArgumentError("--plaintext: not together with --ca, --cert, --cert-key");
  }
  if (options.cert_file.empty() != options.cert_key_file.empty()) {
    return absl::InvalidArgumentError("--cert and --cert-key: give both or neither");
  }
  if (options.plaintext && !target.is_local) {
    return absl::InvalidArgumentError(
        fmt::format("--plaintext: refused for {}: the key would cross the network readable; "
                    "use TLS (--ca FILE), or a tunnel to 127.0.0.1",
                    target.name));
  }
  return target.is_local && !options.any_tls() ? Transport::kPlaintext : Transport::kTls;
}

absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> MakeCredentials(
    Transport transport, const TransportOptions& options) {
  if (transport == Transport::kPlaintext) return grpc::InsecureChannelCredentials();
  return client::ReadTlsCredentials({.ca = {"--ca", options.ca_file},
                                     .certificate = {"--cert", options.cert_file},
                                     .certificate_key = {"--cert-key", options.cert_key_file}});
}

}  // namespace claviger::cli
