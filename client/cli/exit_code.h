// What the process says when it ends, so that scripts can branch without reading text.
#ifndef CLAVIGER_CLIENT_CLI_EXIT_CODE_H_
#define CLAVIGER_CLIENT_CLI_EXIT_CODE_H_

#include <grpcpp/support/status.h>

#include "absl/status/status.h"

namespace claviger::cli {

// Never renumbered: scripts depend on the numbers.
enum class ExitCode : int {
  kOk = 0,           // done; for `verify`: the key is good
  kDenied = 1,       // the server answered no; for `verify`: the key is not good
  kUsage = 2,        // the arguments, as found here or by the server
  kUnreachable = 3,  // no answer: not reachable, not available, or not in time
  kPending = 4,      // done, but some verifier may accept the old state for a while
  kFound = 5,        // for `scan`: a real key lies about that is not revoked
};

// For the outcome of a call.
ExitCode ExitCodeFor(const grpc::Status& status);
// For what went wrong on this machine, before or after a call.
ExitCode ExitCodeFor(const absl::Status& status);

// The one to report when a command did several things: the higher number, but any failure before
// kPending.
ExitCode Worse(ExitCode a, ExitCode b);

}  // namespace claviger::cli

#endif  // CLAVIGER_CLIENT_CLI_EXIT_CODE_H_
