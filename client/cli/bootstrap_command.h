// `claviger bootstrap rotate`: a new root key in the place of the old one.
#ifndef CLAVIGER_CLIENT_CLI_BOOTSTRAP_COMMAND_H_
#define CLAVIGER_CLIENT_CLI_BOOTSTRAP_COMMAND_H_

#include "client/cli/command_set.h"

namespace claviger::cli {

void AddBootstrap(CLI::App& parent, CommandSet& commands);

}  // namespace claviger::cli

#endif  // CLAVIGER_CLIENT_CLI_BOOTSTRAP_COMMAND_H_
