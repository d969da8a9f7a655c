// A socket that listens, and its end.
#ifndef CLAVIGER_SERVER_TRANSPORT_LISTEN_SOCKET_H_
#define CLAVIGER_SERVER_TRANSPORT_LISTEN_SOCKET_H_

#include <sys/types.h>

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "core/file_descriptor.h"
#include "server/transport/listen_address.h"

namespace claviger {

// Listens from Open on; accepting is up to the owner. A unix socket's file is removed with it.
//
// Thread safety: none.
class ListenSocket {
 public:
  // Listens on `address`: on an IPv4 address for IPv4 alone, on `[::]` for both. Nobody else can
  // listen there at the same time; the file of a unix socket that nobody listens on any more is
  // replaced. Accepted connections are closed when what was sent is not acknowledged within
  // `user_timeout`. UNAVAILABLE, `CONFIG_INVALID`, naming setting and address, when it cannot be
  // listened on.
  static absl::StatusOr<ListenSocket> Open(const ListenAddress& address,
                                           absl::Duration user_timeout);
  ~ListenSocket() { Close(); }
  ListenSocket(ListenSocket&&) = default;
  ListenSocket& operator=(ListenSocket&&) = delete;

  int fd() const { return fd_.get(); }
  // Where it listens, with the port that the system chose for 0.
  const ListenAddress& address() const { return address_; }

  // Refuses who comes from now on. Idempotent.
  void Close();

 private:
  ListenSocket(FileDescriptor fd, ListenAddress address)
      : fd_(std::move(fd)), address_(std::move(address)) {}

  FileDescriptor fd_;
  ListenAddress address_;
  // Of a unix socket's file: only that one is removed, not one that took its place.
  dev_t file_device_ = 0;
  ino_t file_number_ = 0;
};

}  // namespace claviger

#endif  // CLAVIGER_SERVER_TRANSPORT_LISTEN_SOCKET_H_
