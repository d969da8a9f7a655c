// `claviger project …`.
#ifndef CLAVIGER_CLIENT_CLI_PROJECT_COMMANDS_H_
#define CLAVIGER_CLIENT_CLI_PROJECT_COMMANDS_H_

#include <CLI/CLI.hpp>

#include "client/cli/command_set.h"

namespace claviger::cli {

// get, list, delete
void AddProjectCommands(CLI::App& parent, CommandSet& commands);
// create, update
void AddProjectEdits(CLI::App& parent, CommandSet& commands);

}  // namespace claviger::cli

#endif  // CLAVIGER_CLIENT_CLI_PROJECT_COMMANDS_H_
