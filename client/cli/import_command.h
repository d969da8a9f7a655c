// `claviger import`: brings in keys that were made elsewhere, from a file of their digests.
#ifndef CLAVIGER_CLIENT_CLI_IMPORT_COMMAND_H_
#define CLAVIGER_CLIENT_CLI_IMPORT_COMMAND_H_

#include <CLI/CLI.hpp>

#include "client/cli/command_set.h"

namespace claviger::cli {

void AddImport(CLI::App& parent, CommandSet& commands);

}  // namespace claviger::cli

#endif  // CLAVIGER_CLIENT_CLI_IMPORT_COMMAND_H_
