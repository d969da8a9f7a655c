#include "server/transport/peer.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>

#include "core/cidr.h"
#include "fmt/format.h"
#include "grpc/grpc_security_constants.h"

namespace claviger {
namespace {

std::optional<int> HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return std::nullopt;
}

// gRPC names peers by URI: brackets and zones come percent-encoded.
std::string PercentDecode(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      const auto high = HexDigit(text[i + 1]);
      const auto low = HexDigit(text[i + 2]);
      if (high.has_value() && low.has_value()) {
        out += static_cast<char>(*high * 16 + *low);
        i += 2;
        continue;
      }
    }
    out += text[i];
  }
  return out;
}

bool IsPrintableAscii(std::string_view text) {
  for (const char c : text) {
    if (c <= ' ' || c >= 0x7F) return false;
  }
  return !text.empty();
}

}  // namespace

std::optional<HostAndPort> SplitPeer(std::string_view grpc_peer) {
  if (!grpc_peer.starts_with("ipv4:") && !grpc_peer.starts_with("ipv6:")) return std::nullopt;
  std::string host = PercentDecode(grpc_peer.substr(5));
  const size_t colon = host.rfind(':');
  if (colon == std::string::npos) return std::nullopt;
  std::string port = host.substr(colon + 1);
  host.resize(colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  // A link-local address names its interface, which says nothing about the peer.
  host.resize(std::min(host.size(), host.find('%')));
  return HostAndPort{std::move(host), std::move(port)};
}

std::string PeerAddress(std::string_view grpc_peer) {
  if (grpc_peer == "unix" || grpc_peer.starts_with("unix:") ||
      grpc_peer.starts_with("unix-abstract:")) {
    return "unix";
  }
  const std::optional<HostAndPort> at = SplitPeer(grpc_peer);
  if (!at.has_value()) return "";
  const auto address = IpAddress::Parse(at->host);
  return address.has_value() ? address->ToString() : "";
}

std::vector<std::string> PeerSans(const grpc::AuthContext& context) {
  constexpr struct {
    const char* property;
    std::string_view kind;
  } kKinds[] = {{GRPC_PEER_DNS_PROPERTY_NAME, "dns"},
                {GRPC_PEER_URI_PROPERTY_NAME, "uri"},
                {GRPC_PEER_IP_PROPERTY_NAME, "ip"},
                {GRPC_PEER_EMAIL_PROPERTY_NAME, "email"}};
  std::vector<std::string> sans;
  for (const auto& [property, kind] : kKinds) {
    for (const auto& value : context.FindPropertyValues(property)) {
      const std::string_view name(value.data(), value.size());
      if (IsPrintableAscii(name)) sans.push_back(fmt::format("{}:{}", kind, name));
    }
  }
  return sans;
}

Peer PeerOf(const grpc::ServerContextBase& context) {
  Peer peer;
  peer.address = PeerAddress(context.peer());
  if (const auto auth = context.auth_context(); auth != nullptr) peer.sans = PeerSans(*auth);
  return peer;
}

}  // namespace claviger
