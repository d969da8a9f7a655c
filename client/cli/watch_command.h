// `claviger watch`.
#ifndef CLAVIGER_CLIENT_CLI_WATCH_COMMAND_H_
#define CLAVIGER_CLIENT_CLI_WATCH_COMMAND_H_

#include <CLI/CLI.hpp>

#include "client/cli/command_set.h"

namespace claviger::cli {

void AddWatch(CLI::App& parent, CommandSet& commands);

}  // namespace claviger::cli

#endif  // CLAVIGER_CLIENT_CLI_WATCH_COMMAND_H_
