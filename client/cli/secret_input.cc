#include "client/cli/secret_input.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>

#include "absl/cleanup/cleanup.h"
#include "client/cli/unique_fd.h"

namespace claviger::cli {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";

std::string_view Trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return "";
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

// Reads to the end of `fd`, or to the end of the line, into `buffer` and returns how much; -1 with
// errno on errors. Fills no more than the buffer.
ssize_t ReadInto(int fd, bool one_line, std::string& buffer) {
  size_t used = 0;
  while (used < buffer.size()) {
    const ssize_t count = read(fd, buffer.data() + used, buffer.size() - used);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return -1;
    if (count == 0) break;
    used += static_cast<size_t>(count);
    if (one_line && buffer[used - 1] == '\n') break;
  }
  return static_cast<ssize_t>(used);
}

absl::StatusOr<Secret> Read(int fd, bool one_line, const std::string& source) {
  // One byte more than allowed, so that "too long" shows.
  std::string buffer(kMaxSecretInputBytes + 1, '\0');
  const absl::Cleanup cleanse = [&buffer] { CleanseString(buffer); };
  const ssize_t count = ReadInto(fd, one_line, buffer);
  if (count < 0) {
    return absl::InvalidArgumentError(fmt::format("cannot read {}: {}", source, strerror(errno)));
  }
  if (static_cast<size_t>(count) > kMaxSecretInputBytes) {
    return absl::InvalidArgumentError(
        fmt::format("{} is longer than {} bytes: not a key", source, kMaxSecretInputBytes));
  }
  const auto text = Trimmed(std::string_view(buffer).substr(0, static_cast<size_t>(count)));
  if (text.empty()) return absl::InvalidArgumentError(fmt::format("{} is empty", source));
  return Secret::CopyOf(text);
}

}  // namespace

absl::StatusOr<Secret> ReadSecret(int fd, const std::string& source) {
  return Read(fd, /*one_line=*/false, source);
}

absl::StatusOr<Secret> ReadSecretFile(const std::string& path) {
  const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.ok()) {
    return absl::ErrnoToStatus(errno, fmt::format("cannot open {}", path));
  }
  return ReadSecret(file.get(), path);
}

absl::StatusOr<Secret> PromptSecret(int fd, const std::string& source) {
  termios before{};
  if (tcgetattr(fd, &before) != 0) return Read(fd, /*one_line=*/true, source);
  termios silent = before;
  silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
  tcsetattr(fd, TCSAFLUSH, &silent);
  const absl::Cleanup restore = [fd, &before] { tcsetattr(fd, TCSAFLUSH, &before); };
  return Read(fd, /*one_line=*/true, source);
}

}  // namespace claviger::cli
