// Who is at the other end of a call, as far as the transport knows.
#ifndef CLAVIGER_SERVER_TRANSPORT_PEER_H_
#define CLAVIGER_SERVER_TRANSPORT_PEER_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "grpcpp/security/auth_context.h"
#include "grpcpp/server_context.h"

namespace claviger {

// The other end of a connection.
struct Peer {
  // The address without port, in canonical text; `unix` for a unix socket; empty when it is
  // unknown.
  std::string address;
  // The subject alternative names of the client's verified certificate, each with its kind in
  // front: `dns:…`, `uri:…`, `ip:…`, `email:…`. Empty without a certificate.
  std::vector<std::string> sans;
};

Peer PeerOf(const grpc::ServerContextBase& context);

// The two parts of a TCP peer; the host without brackets and zone.
struct HostAndPort {
  std::string host;
  std::string port;
};

// From what gRPC calls a peer, e.g. `ipv6:%5B::1%5D:50051`; nullopt for other than TCP.
std::optional<HostAndPort> SplitPeer(std::string_view grpc_peer);

// `address` of Peer from what gRPC calls a peer, e.g. `ipv6:%5B::1%5D:50051`.
std::string PeerAddress(std::string_view grpc_peer);

// `sans` of Peer. A name with a byte that is no printable ASCII is left out: no map can mean it.
std::vector<std::string> PeerSans(const grpc::AuthContext& context);

}  // namespace claviger

#endif  // CLAVIGER_SERVER_TRANSPORT_PEER_H_
