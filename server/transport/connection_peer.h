// The other end of a socket, as the caps on connections count it.
#ifndef CLAVIGER_SERVER_TRANSPORT_CONNECTION_PEER_H_
#define CLAVIGER_SERVER_TRANSPORT_CONNECTION_PEER_H_

#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

namespace claviger {

// Addresses that share a cap: one IPv4 address, or the /64 that an IPv6 customer gets.
using AddressGroup = std::array<uint8_t, 16>;

// Address and port at the other end of a TCP connection; IPv4 in the mapped form.
//
// Thread safety: a value type.
struct ConnectionPeer {
  std::array<uint8_t, 16> address{};
  uint16_t port = 0;

  // nullopt unless it is an IPv4 or IPv6 address.
  static std::optional<ConnectionPeer> FromSocketAddress(const sockaddr_storage& address);
  // From what gRPC calls a peer, e.g. `ipv6:%5B::1%5D:50051`; nullopt for other than TCP.
  static std::optional<ConnectionPeer> FromGrpc(std::string_view grpc_peer);

  AddressGroup group() const;

  friend bool operator==(const ConnectionPeer&, const ConnectionPeer&) = default;
  template <typename H>
  friend H AbslHashValue(H state, const ConnectionPeer& peer) {
    return H::combine(std::move(state), peer.address, peer.port);
  }
};

}  // namespace claviger

#endif  // CLAVIGER_SERVER_TRANSPORT_CONNECTION_PEER_H_
