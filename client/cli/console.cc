#include "client/cli/console.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <limits>

namespace claviger::cli {
namespace {

constexpr size_t kDefaultWidth = 100;
// Wider than any screen; bounds what a wrong COLUMNS can ask for.
constexpr size_t kMaxWidth = 10'000;

// Of the terminal, or the one that `COLUMNS` asks for.
std::optional<size_t> GivenWidth(const EnvironmentLookup& environment) {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  const std::string columns = environment("COLUMNS").value_or("");
  size_t width = 0;
  const auto [end, error] = std::from_chars(columns.data(), columns.data() + columns.size(), width);
  const bool whole = error == std::errc() && end == columns.data() + columns.size();
  return whole && width > 0 && width <= kMaxWidth ? std::optional(width) : std::nullopt;
}

}  // namespace

std::optional<std::string> ProcessEnvironment(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr || *value == '\0') return std::nullopt;
  return std::string(value);
}

Console ProcessConsole(std::ostream& out, std::ostream& err, const EnvironmentLookup& environment) {
  Console console{.out = out, .err = err};
  console.in_fd = STDIN_FILENO;
  console.in_is_terminal = isatty(STDIN_FILENO) == 1;
  console.out_is_terminal = isatty(STDOUT_FILENO) == 1;
  console.err_is_terminal = isatty(STDERR_FILENO) == 1;
  const std::optional<size_t> width = GivenWidth(environment);
  console.width = width.value_or(kDefaultWidth);
  console.table_width =
      width.value_or(console.out_is_terminal ? kDefaultWidth : std::numeric_limits<size_t>::max());
  console.color = console.out_is_terminal && !environment("NO_COLOR").has_value() &&
                  environment("TERM").value_or("dumb") != "dumb";
  return console;
}

}  // namespace claviger::cli
