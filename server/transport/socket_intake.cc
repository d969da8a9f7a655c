#include "server/transport/socket_intake.h"

#include <arpa/inet.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <charconv>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <system_error>

namespace claviger {
namespace {

// 0 when it is no TCP socket.
uint16_t LocalPort(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof(address);
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
  if (address.ss_family == AF_INET) {
    return ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port);
  }
  if (address.ss_family == AF_INET6) {
    return ntohs(reinterpret_cast<const sockaddr_in6&>(address).sin6_port);
  }
  return 0;
}

// nullopt for what is no connection, e.g. a listener.
std::optional<uint64_t> BytesRead(int fd) {
  tcp_info info{};
  socklen_t size = sizeof(info);
  if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return std::nullopt;
  // Kernels before 4.1 do not tell.
  if (size < offsetof(tcp_info, tcpi_bytes_received) + sizeof(info.tcpi_bytes_received)) {
    return std::nullopt;
  }
  int waiting = 0;
  // Of a listener it cannot be asked.
  if (ioctl(fd, FIONREAD, &waiting) != 0) return std::nullopt;
  const auto unread = static_cast<uint64_t>(waiting);
  return info.tcpi_bytes_received > unread ? info.tcpi_bytes_received - unread : 0;
}

}  // namespace

std::vector<SocketIntake> ReadIntakes(uint16_t port) {
  std::vector<SocketIntake> found;
  std::error_code error;
  for (std::filesystem::directory_iterator it("/proc/self/fd", error), end; !error && it != end;
       it.increment(error)) {
    const std::string name = it->path().filename().string();
    int fd = -1;
    if (std::from_chars(name.data(), name.data() + name.size(), fd).ec != std::errc()) continue;
    if (LocalPort(fd) != port) continue;
    const std::optional<uint64_t> bytes = BytesRead(fd);
    const SocketId socket = SocketId::Of(fd);
    if (!bytes.has_value() || socket.cookie == 0) continue;
    found.push_back({.socket = socket, .bytes = *bytes});
  }
  return found;
}

}  // namespace claviger
