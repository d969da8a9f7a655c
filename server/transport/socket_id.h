// Which socket a descriptor was, to find out later whether it still is.
//
// gRPC takes over the sockets that it is given, closes them when it likes and tells nobody. A
// descriptor's number alone says nothing then: it may be another file by now. But the system gives
// each socket a cookie that no other socket ever gets, and asking any descriptor for it does no
// harm.
#ifndef CLAVIGER_SERVER_TRANSPORT_SOCKET_ID_H_
#define CLAVIGER_SERVER_TRANSPORT_SOCKET_ID_H_

#include <cstdint>

namespace claviger {

// A socket for as long as it is open, and nothing afterwards.
//
// Thread safety: a value type.
struct SocketId {
  int fd = -1;
  uint64_t cookie = 0;  // 0: the system gave none, and the socket counts as closed

  // REQUIRES: `fd` is an open socket.
  static SocketId Of(int fd);

  // Whether the descriptor still is that socket.
  bool IsOpen() const;
  // Ends the connection, so that its owner finds it ended and closes it. Does nothing to what else
  // the descriptor may be by now. False when that could not be told for want of a descriptor.
  bool HangUp() const;
  // Ends a TCP connection at once: what waits in its buffers, which may be megabytes that HangUp
  // would let its owner read first, is dropped, and the other end gets a reset. The same care for
  // what else the descriptor may be. False when there is no such connection any more.
  bool Abort() const;
};

}  // namespace claviger

#endif  // CLAVIGER_SERVER_TRANSPORT_SOCKET_ID_H_
