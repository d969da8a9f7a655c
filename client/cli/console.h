// Where a command reads and writes, and what the terminal there can show.
#ifndef CLAVIGER_CLIENT_CLI_CONSOLE_H_
#define CLAVIGER_CLIENT_CLI_CONSOLE_H_

#include <cstddef>
#include <functional>
#include <optional>
#include <ostream>
#include <string>

namespace claviger::cli {

// The value of an environment variable; nullopt when it is not set or empty.
using EnvironmentLookup = std::function<std::optional<std::string>(const char* name)>;

// Looks into this process's environment.
std::optional<std::string> ProcessEnvironment(const char* name);

// Streams and their properties. Results go to `out`, everything that is only for people to `err`.
//
// Thread safety: none. Ownership: the streams outlive it.
struct Console {
  std::ostream& out;
  std::ostream& err;
  // File descriptor of what is read: a secret or nothing.
  int in_fd = 0;
  bool in_is_terminal = false;
  bool out_is_terminal = false;
  bool err_is_terminal = false;
  // Columns of `out`.
  size_t width = 100;
  // Columns that a table may take.
  size_t table_width = 100;
  bool color = false;
};

// Properties of standard input and output: width from the terminal, else `COLUMNS`, else 100 and,
// for tables, without bound: what goes into a file or a pipe is copied from, and must be whole;
// colour on a terminal unless `NO_COLOR` is set (https://no-color.org) or the terminal is `dumb`.
Console ProcessConsole(std::ostream& out, std::ostream& err, const EnvironmentLookup& environment);

}  // namespace claviger::cli

#endif  // CLAVIGER_CLIENT_CLI_CONSOLE_H_
