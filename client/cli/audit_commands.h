// `claviger audit …`: one function for each command, one file for each function.
#ifndef CLAVIGER_CLIENT_CLI_AUDIT_COMMANDS_H_
#define CLAVIGER_CLIENT_CLI_AUDIT_COMMANDS_H_

#include <CLI/CLI.hpp>

#include "client/cli/command_set.h"

namespace claviger::cli {

void AddAuditList(CLI::App& parent, CommandSet& commands);
void AddAuditTail(CLI::App& parent, CommandSet& commands);
void AddAuditExport(CLI::App& parent, CommandSet& commands);
void AddAuditVerify(CLI::App& parent, CommandSet& commands);

}  // namespace claviger::cli

#endif  // CLAVIGER_CLIENT_CLI_AUDIT_COMMANDS_H_
