#include "client/cli/completion_tree.h"

#include <string_view>
#include <utility>

namespace claviger::cli {
namespace {

std::string FirstLine(const std::string& text) { return text.substr(0, text.find('\n')); }

CompletionOption Describe(const CLI::Option& option) {
  CompletionOption described;
  for (const std::string& name : option.get_lnames()) described.names.push_back("--" + name);
  for (const std::string& name : option.get_snames()) described.names.push_back("-" + name);
  described.description = FirstLine(option.get_description());
  described.takes_value = option.get_items_expected_max() > 0;
  described.choices = ChoicesOf(option);
  described.is_file = option.get_type_name().find("FILE") != std::string::npos;
  return described;
}

void Walk(const CLI::App& app, const std::string& parent, std::vector<CompletionNode>& nodes) {
  CompletionNode node;
  node.path = parent + app.get_name();
  node.description = FirstLine(app.get_description());
  for (const CLI::Option* option : app.get_options()) {
    // Every command has help; the program's own stands for them all.
    if (!parent.empty() && option == app.get_help_ptr()) continue;
    CompletionOption described = Describe(*option);
    if (described.names.empty()) {
      node.arguments = described.choices;
    } else {
      node.options.push_back(std::move(described));
    }
  }
  const auto commands = app.get_subcommands([](const CLI::App*) { return true; });
  for (const CLI::App* command : commands) node.commands.push_back(command->get_name());
  nodes.push_back(node);
  for (const CLI::App* command : commands) Walk(*command, node.path + " ", nodes);
}

}  // namespace

std::vector<std::string> ChoicesOf(const CLI::Option& option) {
  // The parser describes an option with choices as `NAME:{a,b}`.
  const std::string type_name = option.get_type_name();
  const size_t open = type_name.find(":{");
  if (open == std::string::npos || !type_name.ends_with('}')) return {};
  return CLI::detail::split(type_name.substr(open + 2, type_name.size() - open - 3), ',');
}

std::vector<CompletionNode> CompletionTree(const CLI::App& root) {
  std::vector<CompletionNode> nodes;
  Walk(root, "", nodes);
  return nodes;
}

}  // namespace claviger::cli
