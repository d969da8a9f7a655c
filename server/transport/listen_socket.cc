#include "server/transport/listen_socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "core/status.h"
#include "fmt/format.h"

namespace claviger {
namespace {

// The system caps it at net.core.somaxconn.
constexpr int kBacklog = 4096;

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  int family() const { return storage.ss_family; }
};

SocketAddress ToSocketAddress(const ListenAddress& address) {
  SocketAddress out;
  if (address.is_unix()) {
    auto& local = reinterpret_cast<sockaddr_un&>(out.storage);
    local.sun_family = AF_UNIX;
    std::copy(address.path().begin(), address.path().end(), local.sun_path);
    out.size = sizeof(local);
  } else if (address.is_v6()) {
    auto& v6 = reinterpret_cast<sockaddr_in6&>(out.storage);
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(address.port());
    inet_pton(AF_INET6, address.host().c_str(), &v6.sin6_addr);
    out.size = sizeof(v6);
  } else {
    auto& v4 = reinterpret_cast<sockaddr_in&>(out.storage);
    v4.sin_family = AF_INET;
    v4.sin_port = htons(address.port());
    inet_pton(AF_INET, address.host().c_str(), &v4.sin_addr);
    out.size = sizeof(v4);
  }
  return out;
}

uint16_t PortOf(int fd) {
  sockaddr_storage bound{};
  socklen_t size = sizeof(bound);
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &size) != 0) return 0;
  return ntohs(bound.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(bound).sin6_port
                                           : reinterpret_cast<sockaddr_in&>(bound).sin_port);
}

bool Set(int fd, int level, int option, int value) {
  return setsockopt(fd, level, option, &value, sizeof(value)) == 0;
}

// Accepted sockets inherit these.
bool SetTcpOptions(int fd, const ListenAddress& address, absl::Duration user_timeout) {
  return Set(fd, SOL_SOCKET, SO_REUSEADDR, 1) && Set(fd, IPPROTO_TCP, TCP_NODELAY, 1) &&
         Set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT,
             static_cast<int>(absl::ToInt64Milliseconds(user_timeout))) &&
         (!address.is_v6() || Set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0));
}

// Whether nobody listens on a socket whose file is there: a file like that outlives its server, and
// keeps the next one from listening.
bool IsAbandoned(const SocketAddress& address) {
  const auto& local = reinterpret_cast<const sockaddr_un&>(address.storage);
  struct stat info {};
  if (lstat(local.sun_path, &info) != 0 || !S_ISSOCK(info.st_mode)) return false;
  const FileDescriptor fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  return fd.get() >= 0 && connect(fd.get(), address.get(), address.size) != 0 &&
         errno == ECONNREFUSED;
}

int Bind(int fd, const SocketAddress& address) {
  if (address.family() != AF_UNIX) return bind(fd, address.get(), address.size);
  if (IsAbandoned(address)) {
    unlink(reinterpret_cast<const sockaddr_un&>(address.storage).sun_path);
  }
  return bind(fd, address.get(), address.size);
}

absl::Status CannotListen(const ListenAddress& address) {
  const int error = errno;
  return ErrorBuilder(absl::StatusCode::kUnavailable, Reason::kConfigInvalid)
      .Build(fmt::format("--listen {}: cannot listen there: {}{}", address.ToString(),
                         std::strerror(error),
                         error == EADDRINUSE ? "; is another server using it?" : ""));
}

}  // namespace

absl::StatusOr<ListenSocket> ListenSocket::Open(const ListenAddress& address,
                                                absl::Duration user_timeout) {
  const SocketAddress where = ToSocketAddress(address);
  FileDescriptor fd(socket(where.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (fd.get() < 0) return CannotListen(address);
  if (!address.is_unix() && !SetTcpOptions(fd.get(), address, user_timeout)) {
    return CannotListen(address);
  }
  if (Bind(fd.get(), where) != 0) return CannotListen(address);
  const int number = fd.get();
  ListenSocket socket(std::move(fd), address);
  if (address.is_unix()) {
    // Whoever may write to the file may connect; nobody can before there is a listener.
    if (chmod(address.path().c_str(), S_IRUSR | S_IWUSR) != 0) return CannotListen(address);
    struct stat info {};
    if (stat(address.path().c_str(), &info) == 0) {
      socket.file_device_ = info.st_dev;
      socket.file_number_ = info.st_ino;
    }
  }
  if (listen(number, kBacklog) != 0) return CannotListen(address);
  if (!address.is_unix()) socket.address_ = address.WithPort(PortOf(number));
  return socket;
}

void ListenSocket::Close() {
  if (fd_.get() < 0) return;
  if (address_.is_unix()) {
    struct stat info {};
    if (stat(address_.path().c_str(), &info) == 0 && info.st_dev == file_device_ &&
        info.st_ino == file_number_) {
      unlink(address_.path().c_str());
    }
  }
  fd_.Reset();
}

}  // namespace claviger
