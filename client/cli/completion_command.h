// `claviger completion`.
#ifndef CLAVIGER_CLIENT_CLI_COMPLETION_COMMAND_H_
#define CLAVIGER_CLIENT_CLI_COMPLETION_COMMAND_H_

#include <CLI/CLI.hpp>

#include "client/cli/command_set.h"

namespace claviger::cli {

// `root` is both what is completed and where the command is added; it outlives `commands`.
void AddCompletion(CLI::App& root, CommandSet& commands);

}  // namespace claviger::cli

#endif  // CLAVIGER_CLIENT_CLI_COMPLETION_COMMAND_H_
