// How far this process may grow by what its connections bring.
#ifndef CLAVIGER_SERVER_APP_MEMORY_LIMIT_H_
#define CLAVIGER_SERVER_APP_MEMORY_LIMIT_H_

#include <memory>
#include <string>

#include "server/config/server_config.h"
#include "server/transport/memory_guard.h"

namespace claviger {

// A guard of the connections to `grpc_address`, which is as ListenAddress writes it: within its
// window the process may grow by all that --memory and --transport-memory allow. Null for a unix
// socket. What ends is logged.
std::unique_ptr<MemoryGuard> GuardMemory(const ServerConfig& config,
                                         const std::string& grpc_address);

}  // namespace claviger

#endif  // CLAVIGER_SERVER_APP_MEMORY_LIMIT_H_
