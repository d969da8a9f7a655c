#include "client/cli/server_target.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <iterator>
#include <optional>

#include "absl/cleanup/cleanup.h"
#include "core/cidr.h"
#include "core/secret.h"
#include "core/status.h"

namespace claviger::cli {
namespace {

constexpr std::string_view kServerSyntax = "--server: must be HOST:PORT, [IPV6]:PORT or unix:PATH";
constexpr size_t kMaxHostLength = 253;

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
  return (v4.has_value() && v4->Contains(address)) || (v6.has_value() && v6->Contains(address));
}

absl::StatusOr<std::string> ReadPem(std::string_view flag, const std::string& path) {
  if (path.empty()) return std::string();
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return absl::ErrnoToStatus(errno, fmt::format("{}: cannot open {}", flag, path));
  }
  std::string text{std::istreambuf_iterator<char>(file), {}};
  if (text.find("-----BEGIN ") == std::string::npos) {
    CleanseString(text);
    return absl::InvalidArgumentError(fmt::format("{}: {} is not a PEM file", flag, path));
  }
  return text;
}

}  // namespace

absl::StatusOr<ServerTarget> ParseServer(std::string_view text) {
  const std::string name(text);
  if (text.starts_with("unix:")) {
    if (text.size() == 5) return absl::InvalidArgumentError(std::string(kServerSyntax));
    return ServerTarget{name, name, true};
  }
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || !IsPort(text.substr(colon + 1))) {
    return absl::InvalidArgumentError(std::string(kServerSyntax));
  }
  std::string_view host = text.substr(0, colon);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (const std::optional<IpAddress> address = IpAddress::Parse(host); address.has_value()) {
    const bool has_colon = host.find(':') != std::string_view::npos;
    if (has_colon != bracketed) return absl::InvalidArgumentError(std::string(kServerSyntax));
    return ServerTarget{name, (has_colon ? "ipv6:" : "ipv4:") + name, IsLoopback(*address)};
  }
  if (bracketed || !IsHostName(host)) return absl::InvalidArgumentError(std::string(kServerSyntax));
  return ServerTarget{name, "dns:///" + name, host == "localhost"};
}

absl::StatusOr<Transport> ChooseTransport(const ServerTarget& target,
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
  absl::StatusOr<std::string> ca = ReadPem("--ca", options.ca_file);
  if (!ca.ok()) return ca.status();
  absl::StatusOr<std::string> certificate = ReadPem("--cert", options.cert_file);
  if (!certificate.ok()) return certificate.status();
  absl::StatusOr<std::string> key = ReadPem("--cert-key", options.cert_key_file);
  if (!key.ok()) return key.status();
  grpc::SslCredentialsOptions ssl;
  // An empty `ca` means the roots that this machine trusts.
  ssl.pem_root_certs = *std::move(ca);
  ssl.pem_cert_chain = *std::move(certificate);
  ssl.pem_private_key = *std::move(key);
  const absl::Cleanup cleanse = [&ssl] { CleanseString(ssl.pem_private_key); };
  return grpc::SslCredentials(ssl);
}

}  // namespace claviger::cli
