// How help is laid out.
#ifndef CLAVIGER_CLIENT_CLI_HELP_FORMAT_H_
#define CLAVIGER_CLIENT_CLI_HELP_FORMAT_H_

#include <CLI/CLI.hpp>

#include <string>

namespace claviger::cli {

// The parser's layout, with choices as `live|test`, one line for a command in a list, and without
// what the description of an option says anyway.
//
// Thread safety: immutable.
class HelpFormat final : public CLI::Formatter {
 public:
  HelpFormat();

  std::string make_option_name(const CLI::Option* option, bool is_positional) const override;
  std::string make_option_opts(const CLI::Option* option) const override;
  std::string make_subcommand(const CLI::App* command) const override;
};

}  // namespace claviger::cli

#endif  // CLAVIGER_CLIENT_CLI_HELP_FORMAT_H_
