// `claviger scan`: which keys lie about in files, and whether they are real.
#ifndef CLAVIGER_CLIENT_CLI_SCAN_COMMAND_H_
#define CLAVIGER_CLIENT_CLI_SCAN_COMMAND_H_

#include <CLI/CLI.hpp>

#include "client/cli/command_set.h"

namespace claviger::cli {

void AddScan(CLI::App& parent, CommandSet& commands);

}  // namespace claviger::cli

#endif  // CLAVIGER_CLIENT_CLI_SCAN_COMMAND_H_
