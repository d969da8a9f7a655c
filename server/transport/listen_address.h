// Where a listener listens: `HOST:PORT`, `[IPV6]:PORT` or `unix:PATH`.
#ifndef CLAVIGER_SERVER_TRANSPORT_LISTEN_ADDRESS_H_
#define CLAVIGER_SERVER_TRANSPORT_LISTEN_ADDRESS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace claviger {

inline constexpr std::string_view kListenAddressSyntax =
    "HOST:PORT or unix:PATH, where HOST is localhost, an IPv4 address or an IPv6 address in "
    "brackets, e.g. 127.0.0.1:7420 or [::1]:7420";

// A parsed listen address. Names other than `localhost` are not accepted: whether plaintext is
// allowed depends on the address, and an answer of the resolver must not decide that.
//
// Thread safety: a value type.
class ListenAddress {
 public:
  // nullopt unless `text` is as kListenAddressSyntax says. `localhost` becomes 127.0.0.1. Port 0
  // lets the system choose.
  static std::optional<ListenAddress> Parse(std::string_view text);

  // Whether this is a unix socket.
  bool is_unix() const { return is_unix_; }
  bool is_v6() const { return is_v6_; }
  // The address without brackets; empty for a unix socket.
  const std::string& host() const { return host_; }
  // 0 for a unix socket.
  uint16_t port() const { return port_; }
  // The socket's path; empty for TCP.
  const std::string& path() const { return path_; }
  // Whether only this machine can reach it: 127.0.0.0/8, ::1 or a unix socket.
  bool IsLoopback() const;

  // The same address with another port, e.g. the one that the system chose. REQUIRES: not a unix
  // socket.
  ListenAddress WithPort(uint16_t port) const;

  // What Parse takes and gRPC and its clients take as well.
  std::string ToString() const;

  friend bool operator==(const ListenAddress&, const ListenAddress&) = default;

 private:
  ListenAddress() = default;

  bool is_unix_ = false;
  bool is_v6_ = false;
  std::string host_;
  uint16_t port_ = 0;
  std::string path_;
};

}  // namespace claviger

#endif  // CLAVIGER_SERVER_TRANSPORT_LISTEN_ADDRESS_H_
