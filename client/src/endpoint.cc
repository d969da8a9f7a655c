#include "client/src/endpoint.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstddef>
#include <cstdint>

#include "core/cidr.h"

namespace claviger::client {
namespace {

constexpr std::string_view kUnix = "unix:";
constexpr size_t kMaxHostLength = 253;  // RFC 1035, 2.3.4, without the trailing dot
constexpr size_t kMaxUnixPathLength = 107;

bool IsPort(std::string_view text) {
  uint32_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size() && port >= 1 && port <= 65535;
}

bool IsHostName(std::string_view text) {
  return !text.empty() && text.size() <= kMaxHostLength &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) {
           return c < 0x80 && (std::isalnum(c) != 0 || c == '-' || c == '.' || c == '_');
         });
}

bool IsLoopback(const IpAddress& address) {
  const std::optional<Cidr> v4 = Cidr::Parse("127.0.0.0/8");
  const std::optional<Cidr> v6 = Cidr::Parse("::1/128");
  return v4->Contains(address) || v6->Contains(address);
}

}  // namespace

std::optional<Endpoint> ParseEndpoint(std::string_view text) {
  const std::string name(text);
  if (text.starts_with(kUnix)) {
    const size_t path = text.size() - kUnix.size();
    if (path == 0 || path > kMaxUnixPathLength || text.find('\0') != std::string_view::npos) {
      return std::nullopt;
    }
    return Endpoint{name, name, true};
  }
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || !IsPort(text.substr(colon + 1))) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (const std::optional<IpAddress> address = IpAddress::Parse(host); address.has_value()) {
    const bool is_v6 = host.find(':') != std::string_view::npos;
    if (is_v6 != bracketed) return std::nullopt;
    return Endpoint{name, (is_v6 ? "ipv6:" : "ipv4:") + name, IsLoopback(*address)};
  }
  if (bracketed || !IsHostName(host)) return std::nullopt;
  return Endpoint{name, "dns:///" + name, host == "localhost"};
}

}  // namespace claviger::client
