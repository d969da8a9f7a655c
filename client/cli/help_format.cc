#include "client/cli/help_format.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <sstream>
#include <string_view>
#include <vector>

#include "client/cli/completion_tree.h"

namespace claviger::cli {

HelpFormat::HelpFormat() {
  column_width(30);
  label("SUBCOMMAND", "COMMAND");
}

std::string HelpFormat::make_option_name(const CLI::Option* option, bool is_positional) const {
  // The parser marks the name that switches a flag off with the value that it gives.
  constexpr std::string_view kMark = "{false}";
  std::string name = CLI::Formatter::make_option_name(option, is_positional);
  for (size_t at = name.find(kMark); at != std::string::npos; at = name.find(kMark)) {
    name.erase(at, kMark.size());
  }
  return name;
}

std::string HelpFormat::make_option_opts(const CLI::Option* option) const {
  if (option->get_items_expected_max() == 0) return "";
  const std::vector<std::string> choices = ChoicesOf(*option);
  const std::string type_name = option->get_type_name();
  std::string text = " " + type_name.substr(0, type_name.find(':'));
  if (!choices.empty()) text = fmt::format(" {}", fmt::join(choices, "|"));
  if (option->get_required() && !option->get_positional()) text += " (required)";
  return text;
}

std::string HelpFormat::make_subcommand(const CLI::App* command) const {
  const std::string description = command->get_description();
  std::ostringstream out;
  CLI::detail::format_help(out, command->get_name(), description.substr(0, description.find('\n')),
                           column_width_);
  return out.str();
}

}  // namespace claviger::cli
