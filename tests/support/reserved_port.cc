#include "tests/support/reserved_port.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

namespace claviger {
namespace {

constexpr int kBacklog = 128;

// A socket bound to `port` of the loopback address; 0: to a free one.
absl::StatusOr<FileDescriptor> Bind(uint16_t port) {
  FileDescriptor fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int on = 1;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  if (fd.get() < 0 || setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
      bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return absl::ErrnoToStatus(errno, "cannot bind to the loopback address");
  }
  return fd;
}

}  // namespace

absl::StatusOr<std::unique_ptr<ReservedPort>> ReservedPort::Reserve() {
  absl::StatusOr<FileDescriptor> held = Bind(0);
  if (!held.ok()) return held.status();
  sockaddr_in address{};
  socklen_t size = sizeof address;
  if (getsockname(held->get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    return absl::ErrnoToStatus(errno, "getsockname");
  }
  return std::unique_ptr<ReservedPort>(new ReservedPort(*std::move(held), ntohs(address.sin_port)));
}

absl::StatusOr<FileDescriptor> ReservedPort::Listen() const {
  absl::StatusOr<FileDescriptor> listener = Bind(number_);
  if (listener.ok() && listen(listener->get(), kBacklog) != 0) {
    return absl::ErrnoToStatus(errno, "listen");
  }
  return listener;
}

}  // namespace claviger
