#include "server/transport/socket_id.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <cerrno>

#include "core/file_descriptor.h"

namespace claviger {
namespace {

// 0 when it is no open socket.
uint64_t CookieOf(int fd) {
  uint64_t cookie = 0;
  socklen_t size = sizeof(cookie);
  if (getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size) != 0) return 0;
  return cookie;
}

// The number could become another socket between the look and the deed. The duplicate cannot.
FileDescriptor Hold(int fd) { return FileDescriptor(fcntl(fd, F_DUPFD_CLOEXEC, 0)); }

}  // namespace

SocketId SocketId::Of(int fd) { return {fd, CookieOf(fd)}; }

bool SocketId::IsOpen() const { return cookie != 0 && CookieOf(fd) == cookie; }

bool SocketId::HangUp() const {
  const FileDescriptor held = Hold(fd);
  if (held.get() < 0) return errno == EBADF;
  if (cookie == 0 || CookieOf(held.get()) != cookie) return true;
  // With a reset at its close, the system keeps nothing of it for a client that does not answer.
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  (void)setsockopt(held.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
  shutdown(held.get(), SHUT_RDWR);
  return true;
}

bool SocketId::Abort() const {
  const FileDescriptor held = Hold(fd);
  if (held.get() < 0 || cookie == 0 || CookieOf(held.get()) != cookie) return false;
  // To connect to nowhere ends a TCP connection (connect(2)).
  const sockaddr nowhere{.sa_family = AF_UNSPEC, .sa_data = {}};
  return connect(held.get(), &nowhere, sizeof(nowhere)) == 0;
}

}  // namespace claviger
