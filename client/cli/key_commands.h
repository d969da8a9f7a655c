// `claviger key …`: one function for each command, one file for each function (those that stop
// and start keys share one).
#ifndef CLAVIGER_CLIENT_CLI_KEY_COMMANDS_H_
#define CLAVIGER_CLIENT_CLI_KEY_COMMANDS_H_

#include <CLI/CLI.hpp>

#include "client/cli/command_set.h"

namespace claviger::cli {

void AddKeyIssue(CLI::App& parent, CommandSet& commands);
void AddKeyGet(CLI::App& parent, CommandSet& commands);
void AddKeyList(CLI::App& parent, CommandSet& commands);
void AddKeyScopes(CLI::App& parent, CommandSet& commands);
void AddKeyUpdate(CLI::App& parent, CommandSet& commands);
void AddKeyRotate(CLI::App& parent, CommandSet& commands);
// disable, enable, revoke, delete, undelete
void AddKeyStateChanges(CLI::App& parent, CommandSet& commands);

}  // namespace claviger::cli

#endif  // CLAVIGER_CLIENT_CLI_KEY_COMMANDS_H_
