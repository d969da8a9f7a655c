// The command line from arguments to exit code.
#ifndef CLAVIGER_CLIENT_CLI_RUN_H_
#define CLAVIGER_CLIENT_CLI_RUN_H_

#include <string>
#include <vector>

#include "client/cli/console.h"
#include "client/cli/exit_code.h"
#include "core/clock.h"
#include "core/random.h"

namespace claviger::cli {

// Does what `arguments` (without the program's name) say.
ExitCode Run(std::vector<std::string> arguments, Console& console,
             const EnvironmentLookup& environment, const Clock& clock, RandomSource& random);

}  // namespace claviger::cli

#endif  // CLAVIGER_CLIENT_CLI_RUN_H_
