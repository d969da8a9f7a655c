// Where an authority listens.
#ifndef CLAVIGER_CLIENT_SRC_ENDPOINT_H_
#define CLAVIGER_CLIENT_SRC_ENDPOINT_H_

#include <optional>
#include <string>
#include <string_view>

namespace claviger::client {

inline constexpr std::string_view kEndpointSyntax = "HOST:PORT, [IPV6]:PORT or unix:PATH";

struct Endpoint {
  // As given, for messages.
  std::string name;
  // gRPC's name for it.
  std::string uri;
  // On this machine: a loopback address, `localhost` or a unix socket.
  bool is_local = false;
};

// nullopt unless `text` is as kEndpointSyntax says.
std::optional<Endpoint> ParseEndpoint(std::string_view text);

}  // namespace claviger::client

#endif  // CLAVIGER_CLIENT_SRC_ENDPOINT_H_
