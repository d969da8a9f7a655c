// `claviger backup`: a copy of everything that the server stores, while it serves.
#ifndef CLAVIGER_CLIENT_CLI_BACKUP_COMMAND_H_
#define CLAVIGER_CLIENT_CLI_BACKUP_COMMAND_H_

#include <CLI/CLI.hpp>

#include "client/cli/command_set.h"

namespace claviger::cli {

void AddBackup(CLI::App& parent, CommandSet& commands);

}  // namespace claviger::cli

#endif  // CLAVIGER_CLIENT_CLI_BACKUP_COMMAND_H_
