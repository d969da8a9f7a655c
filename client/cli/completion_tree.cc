#include "client/cli/completion_tree.h"

#include <string_view>
#include <utility>

namespace claviger::cli {
namespace {

std::string FirstLine(const std::string& text) { return text.substr(0, text.find('\n')); }

// The parser describes an option with choices as `NAME:{a,b}`.
std::vector<std::string> ChoicesOf(const std::string& type_name) {
  const size_t open = type_name.find('{');
  const size_t close = type_name.rfind('}');
  if (open == std::string::npos || close == std::string::npos || close < open) return {};
  return CLI::detail::split(type_name.substr(open + 1, close - open - 1), ',');
}

CompletionOption Describe(const CLI::Option& option) {
  CompletionOption described;
  for (const std::string& name : option.get_lnames()) described.names.push_back("--" + name);
  for (const std::string& name : option.get_snames()) described.names.push_back("-" + name);
  described.description = FirstLine(option.get_description());
  described.takes_value = option.get_items_expected_max() > 0;
  const std::string type_name = option.get_type_name();
  described.choices = ChoicesOf(type_name);
  described.is_file = type_name.find("FILE") != std::string::npos;
  return described;
}

void Walk(const CLI::App& app, const CompletionNode& parent, std::vector<CompletionNode>& nodes) {
  CompletionNode node;
  node.path = parent.path.empty() ? app.get_name() : parent.path + " " + app.get_name();
  node.description = FirstLine(app.get_description());
  for (const CLI::Option* option : app.get_options()) {
    CompletionOption described = Describe(*option);
    if (described.names.empty()) {
      node.arguments = described.choices;
    } else {
      node.options.push_back(std::move(described));
    }
  }
  for (const CompletionOption& inherited : parent.options) {
    if (inherited.names.front() != "--help") node.options.push_back(inherited);
  }
  const auto commands = app.get_subcommands([](const CLI::App*) { return true; });
  for (const CLI::App* command : commands) node.commands.push_back(command->get_name());
  nodes.push_back(node);
  for (const CLI::App* command : commands) Walk(*command, node, nodes);
}

}  // namespace

std::vector<CompletionNode> CompletionTree(const CLI::App& root) {
  std::vector<CompletionNode> nodes;
  Walk(root, CompletionNode{}, nodes);
  return nodes;
}

}  // namespace claviger::cli
