#include "client/cli/confirmation.h"

#include <unistd.h>

#include <cerrno>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "client/cli/display_text.h"

namespace claviger::cli {
namespace {

// Longer answers are no yes.
constexpr size_t kMaxAnswer = 64;

// The line, or as much of it as shows that it is too long.
std::string ReadLine(int fd) {
  std::string line;
  char c = 0;
  while (line.size() <= kMaxAnswer) {
    const ssize_t count = read(fd, &c, 1);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0 || c == '\n') break;
    line.push_back(c);
  }
  return line;
}

}  // namespace

absl::StatusOr<bool> Confirm(Console& console, std::string_view question) {
  if (!console.in_is_terminal) {
    return absl::InvalidArgumentError(
        "--yes: is needed where nobody can be asked; --dry-run says what would happen");
  }
  console.err << EscapeForTerminal(question) << " [y/N] " << std::flush;
  std::string answer = ReadLine(console.in_fd);
  if (answer.size() > kMaxAnswer) return false;
  absl::StripAsciiWhitespace(&answer);
  return absl::EqualsIgnoreCase(answer, "y") || absl::EqualsIgnoreCase(answer, "yes");
}

}  // namespace claviger::cli
