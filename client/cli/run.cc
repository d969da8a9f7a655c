#include "client/cli/run.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <memory>
#include <string_view>
#include <utility>

#include "client/cli/audit_commands.h"
#include "client/cli/backup_command.h"
#include "client/cli/bootstrap_command.h"
#include "client/cli/command_context.h"
#include "client/cli/command_set.h"
#include "client/cli/completion_command.h"
#include "client/cli/display_text.h"
#include "client/cli/global_options.h"
#include "client/cli/help_format.h"
#include "client/cli/import_command.h"
#include "client/cli/key_commands.h"
#include "client/cli/project_commands.h"
#include "client/cli/scan_command.h"
#include "client/cli/status_command.h"
#include "client/cli/usage_command.h"
#include "client/cli/verify_command.h"
#include "client/cli/watch_command.h"
#include "core/key_format.h"

namespace claviger::cli {
namespace {

constexpr char kDescription[] =
    "claviger: issue, scope, revoke and check API keys at a Claviger server";
constexpr char kFooter[] =
    "Exit codes: 0 done or valid, 1 denied or refused, 2 wrong arguments, 3 server unreachable,\n"
    "4 done, but a verifier that did not answer may accept the old state for a while,\n"
    "5 scan found a real key that is not revoked\n\n"
    "Examples:\n"
    "  claviger status\n"
    "  claviger project create acme --name 'Acme API'\n"
    "  claviger key issue -p acme -n 'billing export' -s invoices:read --ttl 90d\n"
    "  claviger verify -s invoices:read < customer.key\n"
    "  claviger key revoke 00Yx3bTnQ5vLr8Wz --reason compromised";

void AddCommands(CLI::App& root, CommandSet& commands) {
  CLI::App& project = commands.AddGroup(root, "project", "Projects: what keys belong to");
  AddProjectEdits(project, commands);
  AddProjectCommands(project, commands);
  CLI::App& key = commands.AddGroup(root, "key", "Keys: issue, list, re-scope, stop");
  AddKeyIssue(key, commands);
  AddKeyGet(key, commands);
  AddKeyLookup(key, commands);
  AddKeyList(key, commands);
  AddKeyScopes(key, commands);
  AddKeyUpdate(key, commands);
  AddKeyRotate(key, commands);
  AddKeyStateChanges(key, commands);
  CLI::App& audit = commands.AddGroup(root, "audit", "Audit log: who did what, and proof of it");
  AddAuditList(audit, commands);
  AddAuditTail(audit, commands);
  AddAuditExport(audit, commands);
  AddAuditVerify(audit, commands);
  AddVerify(root, commands);
  AddScan(root, commands);
  AddImport(root, commands);
  AddUsage(root, commands);
  AddBackup(root, commands);
  AddStatus(root, commands);
  AddWatch(root, commands);
  AddBootstrap(root, commands);
  AddCompletion(root, commands);
}

// Whether `argument`, alone or behind `=`, is a whole key.
bool HoldsKey(std::string_view argument) {
  return ParseKey(argument).has_value() ||
         ParseKey(argument.substr(argument.find('=') + 1)).has_value();
}

// The command that was typed, as far as it was understood: `claviger key issue`.
std::string TypedCommand(const CLI::App& root) {
  std::string path = root.get_name();
  const CLI::App* app = &root;
  while (!app->get_subcommands().empty()) {
    app = app->get_subcommands().front();
    path += " " + app->get_name();
  }
  return path;
}

ExitCode ReportParseError(const CLI::App& root, const CLI::ParseError& error, Console& console) {
  if (error.get_exit_code() == 0) {
    root.exit(error, console.out, console.err);
    return ExitCode::kOk;
  }
  const std::string command = TypedCommand(root);
  std::string message = error.what();
  // The parser misses a command before it says what it met instead.
  if (const std::vector<std::string> unknown = root.remaining(/*recurse=*/true);
      error.get_name() == "RequiredError" && !unknown.empty()) {
    message += ", not " + unknown.front();
  }
  console.err << command << ": " << EscapeForTerminal(message) << "\nSee: " << command
              << " --help\n";
  return ExitCode::kUsage;
}

ExitCode RunChosen(const Action& action, const GlobalOptions& options, Console& console,
                   const EnvironmentLookup& environment, const Clock& clock, RandomSource& random) {
  if (options.no_color) console.color = false;
  CommandContext context(options, console, environment, clock, random);
  const ExitCode code = action(context);
  console.out.flush();
  if (console.out) return code;
  console.err << "claviger: cannot write to standard output\n";
  return Worse(code, ExitCode::kDenied);
}

}  // namespace

ExitCode Run(std::vector<std::string> arguments, Console& console,
             const EnvironmentLookup& environment, const Clock& clock, RandomSource& random) {
  if (std::any_of(arguments.begin(), arguments.end(), HoldsKey)) {
    console.err << "claviger: a key does not belong in arguments, where every process on this "
                   "machine can read it\n  use --key-file, --from or standard input\n";
    return ExitCode::kUsage;
  }
  GlobalOptions options;
  CommandSet commands;
  CLI::App root(kDescription, "claviger");
  root.set_version_flag("--version", "claviger " CLAVIGER_VERSION, "Print the version");
  root.formatter(std::make_shared<HelpFormat>());
  root.set_help_flag("-h,--help", "Print this help");
  root.require_subcommand(1);
  AddGlobalOptions(root, options);
  AddCommands(root, commands);
  // Last, so that the commands do not inherit it.
  root.footer(kFooter);
  // The parser takes them from the back.
  std::reverse(arguments.begin(), arguments.end());
  try {
    root.parse(std::move(arguments));
  } catch (const CLI::ParseError& error) {
    return ReportParseError(root, error, console);
  }
  return RunChosen(commands.chosen(), options, console, environment, clock, random);
}

}  // namespace claviger::cli
