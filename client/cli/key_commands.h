// `claviger key …`: one function for each command, one file for each function (those that stop
// and start keys share one).
#ifndef CLAVIGER_CLIENT_CLI_KEY_COMMANDS_H_
#define CLAVIGER_CLIENT_CLI_KEY_COMMANDS_H_

#include <CLI/CLI.hpp>

#include <string_view>

#include "client/cli/command_set.h"

namespace claviger::cli {

void AddKeyIssue(CLI::App& parent, CommandSet& commands);
void AddKeyGet(CLI::App& parent, CommandSet& commands);
void AddKeyLookup(CLI::App& parent, CommandSet& commands);
void AddKeyList(CLI::App& parent, CommandSet& commands);
void AddKeyScopes(CLI::App& parent, CommandSet& commands);
void AddKeyUpdate(CLI::App& parent, CommandSet& commands);
void AddKeyRotate(CLI::App& parent, CommandSet& commands);
// disable, enable, revoke, delete, undelete
void AddKeyStateChanges(CLI::App& parent, CommandSet& commands);

// What `text` is asked about by: its key id and SHA-256, or, if it is no key of ours, its SHA-256
// and SHA-512.
void FillDigest(std::string_view text, v1::KeyDigest& digest);

}  // namespace claviger::cli

#endif  // CLAVIGER_CLIENT_CLI_KEY_COMMANDS_H_
