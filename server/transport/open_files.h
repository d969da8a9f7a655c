// How many descriptors there are, and how many of them are for connections.
#ifndef CLAVIGER_SERVER_TRANSPORT_OPEN_FILES_H_
#define CLAVIGER_SERVER_TRANSPORT_OPEN_FILES_H_

#include <cstdint>

#include "server/transport/connection_table.h"
#include "server/transport/server_limits.h"

namespace claviger {

// Lets this process open as many files as it is allowed to, up to a million. Returns the limit that
// holds then.
uint64_t RaiseOpenFiles();
// The limit that holds.
uint64_t OpenFiles();

// The caps that `limits` asks for; the total is lowered to what `open_files` allows when the store
// and the HTTP port are to have theirs, but not below 16.
ConnectionCaps CapsWithin(const ServerLimits& limits, uint64_t open_files);

}  // namespace claviger

#endif  // CLAVIGER_SERVER_TRANSPORT_OPEN_FILES_H_
