// How far a restricting change has reached, in words and for scripts.
#ifndef CLAVIGER_CLIENT_CLI_PROPAGATION_TEXT_H_
#define CLAVIGER_CLIENT_CLI_PROPAGATION_TEXT_H_

#include <claviger/v1/key.pb.h>

#include <string>

#include "client/cli/exit_code.h"

namespace claviger::cli {

// What follows `revoked; `: `14 verifiers confirmed in 3 ms`, `no verifier held it (0 sessions)`,
// `3 waiting verifiers stop accepting it within 2.1 s (PENDING)`.
std::string DescribePropagation(const v1::Propagation& propagation);

// kPending while some verifier may accept the old state although it was to be waited for.
ExitCode ExitCodeFor(const v1::Propagation& propagation);

}  // namespace claviger::cli

#endif  // CLAVIGER_CLIENT_CLI_PROPAGATION_TEXT_H_
