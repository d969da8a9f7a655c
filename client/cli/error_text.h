// What went wrong, in a few lines for a person.
#ifndef CLAVIGER_CLIENT_CLI_ERROR_TEXT_H_
#define CLAVIGER_CLIENT_CLI_ERROR_TEXT_H_

#include <grpcpp/support/status.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"

namespace claviger::cli {

// Fields of a request and the flags that fill them, e.g. `{"start_time", "--since"}`.
using FlagNames = std::vector<std::pair<std::string_view, std::string_view>>;

// The lines for an error status of a call to `server`: message and reason, then each bad field and
// when to try again, from the google.rpc.Status in its details; each ends in a newline. Without
// details (then the status is gRPC's own, not the server's) it says that `server` was not reached
// or did not answer. Where the server names a field of `flags` its flag stands instead.
std::string DescribeError(const grpc::Status& status, std::string_view server,
                          const FlagNames& flags = {});

// The line for an error found on this machine.
std::string DescribeError(const absl::Status& status);

// `ErrorInfo.reason` of the status, e.g. `KEY_NOT_FOUND`; empty when it has none.
std::string ReasonOf(const grpc::Status& status);

}  // namespace claviger::cli

#endif  // CLAVIGER_CLIENT_CLI_ERROR_TEXT_H_
