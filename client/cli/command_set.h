// The tree of commands, and the one that was chosen.
//
//   void AddKeyGet(CLI::App& parent, CommandSet& commands) {
//     auto id = std::make_shared<std::string>();
//     CLI::App& command = commands.Add(parent, "get", "Show a key", "  claviger key get 00Yx…");
//     command.add_option("id", *id)->required();
//     commands.OnRun(command, [id](CommandContext& context) { return GetKey(*id, context); });
//   }
#ifndef CLAVIGER_CLIENT_CLI_COMMAND_SET_H_
#define CLAVIGER_CLIENT_CLI_COMMAND_SET_H_

#include <CLI/CLI.hpp>

#include <functional>
#include <string>
#include <vector>

#include "client/cli/command_context.h"

namespace claviger::cli {

// What a command does once its arguments are parsed.
using Action = std::function<ExitCode(CommandContext& context)>;

// Thread safety: none.
class CommandSet {
 public:
  // Adds a command under `parent`. `examples` are lines of the help.
  CLI::App& Add(CLI::App& parent, const std::string& name, const std::string& summary,
                const std::string& examples);
  // Adds a noun that has commands below it and does nothing alone.
  CLI::App& AddGroup(CLI::App& parent, const std::string& name, const std::string& summary);

  // What to do when `command` is the one on the command line.
  void OnRun(CLI::App& command, Action action);

  // The action of the command that was parsed; empty before.
  const Action& chosen() const { return chosen_; }

 private:
  Action chosen_;
};

// Adds an option that may be given several times, one value each.
CLI::Option& AddRepeated(CLI::App& command, const std::string& name,
                         std::vector<std::string>& values, const std::string& description);

}  // namespace claviger::cli

#endif  // CLAVIGER_CLIENT_CLI_COMMAND_SET_H_
