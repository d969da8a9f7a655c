// What the connections of a port have taken in.
#ifndef CLAVIGER_SERVER_TRANSPORT_SOCKET_INTAKE_H_
#define CLAVIGER_SERVER_TRANSPORT_SOCKET_INTAKE_H_

#include <cstdint>
#include <vector>

#include "server/transport/socket_id.h"

namespace claviger {

// A TCP connection of this process.
struct SocketIntake {
  SocketId socket;
  // Bytes that were received and read since it began. What waits in the kernel's buffer has cost
  // this process nothing yet, and does not count.
  uint64_t bytes = 0;
};

// The connections of this process that came to the local TCP port, in no order. Looks at every open
// descriptor: for rare occasions. Empty where /proc is not mounted.
std::vector<SocketIntake> ReadIntakes(uint16_t port);

}  // namespace claviger

#endif  // CLAVIGER_SERVER_TRANSPORT_SOCKET_INTAKE_H_
