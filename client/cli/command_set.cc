#include "client/cli/command_set.h"

#include <utility>

namespace claviger::cli {
namespace {

// The heading above commands in the help.
constexpr char kGroup[] = "Commands";

}  // namespace

CLI::App& CommandSet::Add(CLI::App& parent, const std::string& name, const std::string& summary,
                          const std::string& examples) {
  CLI::App* command = parent.add_subcommand(name, summary)->group(kGroup);
  // Lets the global options stand after the command, where people type them.
  command->fallthrough();
  command->footer("Examples:\n" + examples +
                  "\n\nOptions of the connection and output: claviger --help");
  return *command;
}

CLI::App& CommandSet::AddGroup(CLI::App& parent, const std::string& name,
                               const std::string& summary) {
  CLI::App* group = parent.add_subcommand(name, summary)->group(kGroup);
  group->fallthrough();
  group->require_subcommand(1);
  return *group;
}

void CommandSet::OnRun(CLI::App& command, Action action) {
  command.callback([this, &command, action = std::move(action)] {
    // One that has commands below it comes after them.
    if (command.get_subcommands().empty()) chosen_ = action;
  });
}

CLI::Option& AddRepeated(CLI::App& command, const std::string& name,
                         std::vector<std::string>& values, const std::string& description) {
  return *command.add_option(name, values, description)->allow_extra_args(false);
}

}  // namespace claviger::cli
