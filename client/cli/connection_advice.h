// What is probably wrong when no connection comes about.
#ifndef CLAVIGER_CLIENT_CLI_CONNECTION_ADVICE_H_
#define CLAVIGER_CLIENT_CLI_CONNECTION_ADVICE_H_

#include <string>
#include <string_view>

#include "client/cli/server_target.h"

namespace claviger::cli {

// A sentence on the likely mistake behind the gRPC library's `message`, for a connection that was
// tried over `transport` with `options`; empty where there is nothing to add.
std::string ConnectionAdvice(std::string_view message, Transport transport,
                             const TransportOptions& options);

}  // namespace claviger::cli

#endif  // CLAVIGER_CLIENT_CLI_CONNECTION_ADVICE_H_
