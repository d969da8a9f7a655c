// Which server, and how it may be spoken to.
#ifndef CLAVIGER_CLIENT_CLI_SERVER_TARGET_H_
#define CLAVIGER_CLIENT_CLI_SERVER_TARGET_H_

#include <memory>
#include <string>
#include <string_view>

#include <grpcpp/security/credentials.h>

#include "absl/status/statusor.h"
#include "client/src/endpoint.h"

namespace claviger::cli {

inline constexpr char kDefaultServer[] = "127.0.0.1:7420";

// A parsed `--server`: `HOST:PORT`, `[IPV6]:PORT` or `unix:PATH`; INVALID_ARGUMENT for anything
// else.
absl::StatusOr<client::Endpoint> ParseServer(std::string_view text);

// What was said about the transport.
struct TransportOptions {
  // PEM files; empty: not given.
  std::string ca_file = "";
  std::string cert_file = "";
  std::string cert_key_file = "";
  // `--plaintext`.
  bool plaintext = false;

  bool any_tls() const { return !ca_file.empty() || !cert_file.empty() || !cert_key_file.empty(); }
};

enum class Transport { kPlaintext, kTls };

// TLS, save for a local server when no TLS option is given. INVALID_ARGUMENT for plaintext to
// another host (a key would cross the network readable), and for options that exclude each other.
absl::StatusOr<Transport> ChooseTransport(const client::Endpoint& target,
                                          const TransportOptions& options);

// Credentials for `transport`, the files read. NOT_FOUND and the like when one cannot be.
absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> MakeCredentials(
    Transport transport, const TransportOptions& options);

}  // namespace claviger::cli

#endif  // CLAVIGER_CLIENT_CLI_SERVER_TARGET_H_
