// `claviger usage`.
#ifndef CLAVIGER_CLIENT_CLI_USAGE_COMMAND_H_
#define CLAVIGER_CLIENT_CLI_USAGE_COMMAND_H_

#include <CLI/CLI.hpp>

#include "client/cli/command_set.h"

namespace claviger::cli {

void AddUsage(CLI::App& parent, CommandSet& commands);

}  // namespace claviger::cli

#endif  // CLAVIGER_CLIENT_CLI_USAGE_COMMAND_H_
