// What the connections of a port have taken in, and how to end one at once.
#ifndef CLAVIGER_SERVER_TRANSPORT_SOCKET_INTAKE_H_
#define CLAVIGER_SERVER_TRANSPORT_SOCKET_INTAKE_H_

#include <cstdint>
#include <vector>

namespace claviger {

// A TCP connection of this process.
struct SocketIntake {
  int fd = -1;
  // The kernel's number for it, which no other socket gets (SO_COOKIE).
  uint64_t cookie = 0;
  // Bytes that were received and read since it began. What waits in the kernel's buffer has cost
  // this process nothing yet, and does not count.
  uint64_t bytes = 0;
};

// The connections of this process that came to the local TCP port, in no order. Looks at every open
// descriptor: for rare occasions. Empty where /proc is not mounted.
std::vector<SocketIntake> ReadIntakes(uint16_t port);

// Ends a connection at once: what waits in its buffers is dropped and the other end gets a reset.
// The descriptor stays open, and whoever reads from it sees the end. False when there is no such
// connection any more. Whose descriptor it is does not matter: a number that has become another
// socket is left alone.
bool Abort(const SocketIntake& socket);

}  // namespace claviger

#endif  // CLAVIGER_SERVER_TRANSPORT_SOCKET_INTAKE_H_
