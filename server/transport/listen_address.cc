#include "server/transport/listen_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <charconv>
#include <cstddef>

#include "fmt/format.h"

namespace claviger {
namespace {

constexpr std::string_view kUnixScheme = "unix:";
// Of sockaddr_un, less the terminating NUL.
constexpr size_t kMaxUnixPath = sizeof(sockaddr_un::sun_path) - 1;

std::optional<uint16_t> ParsePort(std::string_view text) {
  uint16_t port = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, port);
  if (text.empty() || stop != end || error != std::errc()) return std::nullopt;
  return port;
}

bool HasControlCharacter(std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) return true;
  }
  return false;
}

// The canonical text of an address of `family`; nullopt when `text` is none.
std::optional<std::string> Canonical(int family, const std::string& text) {
  in6_addr address{};
  if (inet_pton(family, text.c_str(), &address) != 1) return std::nullopt;
  char canonical[INET6_ADDRSTRLEN] = {};
  if (inet_ntop(family, &address, canonical, sizeof(canonical)) == nullptr) return std::nullopt;
  return canonical;
}

}  // namespace

std::optional<ListenAddress> ListenAddress::Parse(std::string_view text) {
  if (HasControlCharacter(text)) return std::nullopt;
  ListenAddress address;
  if (text.starts_with(kUnixScheme)) {
    address.is_unix_ = true;
    address.path_ = text.substr(kUnixScheme.size());
    // `unix://…` is a URI with an authority to gRPC, and an absolute path to nobody.
    if (address.path_.empty() || address.path_.size() > kMaxUnixPath ||
        address.path_.starts_with("//")) {
      return std::nullopt;
    }
    return address;
  }
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const auto port = ParsePort(text.substr(colon + 1));
  if (!port.has_value()) return std::nullopt;
  address.port_ = *port;
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    address.is_v6_ = true;
    host = host.substr(1, host.size() - 2);
  } else if (host == "localhost") {
    host = "127.0.0.1";
  }
  const auto canonical = Canonical(address.is_v6_ ? AF_INET6 : AF_INET, std::string(host));
  if (!canonical.has_value()) return std::nullopt;
  address.host_ = *canonical;
  return address;
}

bool ListenAddress::IsLoopback() const {
  if (is_unix_) return true;
  return is_v6_ ? host_ == "::1" : host_.starts_with("127.");
}

ListenAddress ListenAddress::WithPort(uint16_t port) const {
  ListenAddress other = *this;
  other.port_ = port;
  return other;
}

std::string ListenAddress::ToString() const {
  if (is_unix_) return fmt::format("{}{}", kUnixScheme, path_);
  return is_v6_ ? fmt::format("[{}]:{}", host_, port_) : fmt::format("{}:{}", host_, port_);
}

}  // namespace claviger
