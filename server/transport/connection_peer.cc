#include "server/transport/connection_peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <string>
#include <system_error>

#include "server/transport/peer.h"

namespace claviger {
namespace {

constexpr std::array<uint8_t, 12> kMappedPrefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

std::array<uint8_t, 16> Mapped(const in_addr& address) {
  std::array<uint8_t, 16> bytes{};
  const auto* v4 = reinterpret_cast<const uint8_t*>(&address);
  std::copy(kMappedPrefix.begin(), kMappedPrefix.end(), bytes.begin());
  std::copy(v4, v4 + sizeof(address), bytes.begin() + kMappedPrefix.size());
  return bytes;
}

std::array<uint8_t, 16> Bytes(const in6_addr& address) {
  std::array<uint8_t, 16> bytes{};
  std::copy(std::begin(address.s6_addr), std::end(address.s6_addr), bytes.begin());
  return bytes;
}

}  // namespace

std::optional<ConnectionPeer> ConnectionPeer::FromSocketAddress(const sockaddr_storage& address) {
  ConnectionPeer peer;
  if (address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    peer.address = Mapped(v4.sin_addr);
    peer.port = ntohs(v4.sin_port);
    return peer;
  }
  if (address.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    peer.address = Bytes(v6.sin6_addr);
    peer.port = ntohs(v6.sin6_port);
    return peer;
  }
  return std::nullopt;
}

std::optional<ConnectionPeer> ConnectionPeer::FromGrpc(std::string_view grpc_peer) {
  const std::optional<HostAndPort> at = SplitPeer(grpc_peer);
  if (!at.has_value()) return std::nullopt;
  ConnectionPeer peer;
  const char* end = at->port.data() + at->port.size();
  const auto [stop, error] = std::from_chars(at->port.data(), end, peer.port);
  if (stop != end || error != std::errc()) return std::nullopt;
  in_addr v4{};
  in6_addr v6{};
  if (inet_pton(AF_INET, at->host.c_str(), &v4) == 1) {
    peer.address = Mapped(v4);
  } else if (inet_pton(AF_INET6, at->host.c_str(), &v6) == 1) {
    peer.address = Bytes(v6);
  } else {
    return std::nullopt;
  }
  return peer;
}

AddressGroup ConnectionPeer::group() const {
  AddressGroup group = address;
  if (!std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), address.begin())) {
    std::fill(group.begin() + group.size() / 2, group.end(), 0);
  }
  return group;
}

}  // namespace claviger
