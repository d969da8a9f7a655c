#include "tests/support/clavigerd_process.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <iterator>
#include <string_view>

#include "absl/time/time.h"
#include "fmt/format.h"

namespace claviger {
namespace {

constexpr absl::Duration kStartTimeout = absl::Seconds(60);

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// What stands behind ` name=` in a log line; empty when nothing does.
std::string FieldOf(const std::string& line, std::string_view name) {
  const std::string label = fmt::format(" {}=", name);
  const size_t at = line.find(label);
  if (at == std::string::npos) return {};
  const size_t begin = at + label.size();
  return line.substr(begin, line.find_first_of(" \n", begin) - begin);
}

// Waits for the whole line with `word` in a file that grows.
absl::StatusOr<std::string> WaitForLine(const std::string& file, std::string_view word) {
  const FileDescriptor watch(inotify_init1(IN_CLOEXEC));
  if (inotify_add_watch(watch.get(), file.c_str(), IN_MODIFY) < 0) {
    return absl::InternalError(fmt::format("cannot watch {}", file));
  }
  for (;;) {
    const std::string text = ReadFile(file);
    const size_t at = text.find(word);
    if (at != std::string::npos && text.find('\n', at) != std::string::npos) {
      return text.substr(at, text.find('\n', at) - at);
    }
    if (absl::Status s = WaitReadable(watch.get(), kStartTimeout); !s.ok()) {
      return absl::Status(s.code(), fmt::format("clavigerd does not serve; its log: {}", text));
    }
    std::array<char, 4096> events;
    if (read(watch.get(), events.data(), events.size()) < 0) {
      return absl::InternalError(fmt::format("cannot watch {}", file));
    }
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<ChildProcess>> ClavigerdProcess::Launch(const Options& options) {
  ChildProcess::Command command;
  command.argv = {options.program, "--dev",        "--data",        options.data_dir,
                  "--listen",      options.listen, "--http-listen", options.http_listen,
                  "--log-format",  "text"};
  command.argv.insert(command.argv.end(), options.flags.begin(), options.flags.end());
  command.output_file = options.log_file;
  return ChildProcess::Start(command);
}

absl::StatusOr<std::unique_ptr<ClavigerdProcess>> ClavigerdProcess::Start(const Options& options) {
  absl::StatusOr<std::unique_ptr<ChildProcess>> process = Launch(options);
  if (!process.ok()) return process.status();
  const absl::StatusOr<std::string> line = WaitForLine(options.log_file, " serving ");
  if (!line.ok()) return line.status();
  auto server = std::unique_ptr<ClavigerdProcess>(new ClavigerdProcess());
  server->process_ = *std::move(process);
  server->address_ = FieldOf(*line, "grpc");
  server->http_address_ = FieldOf(*line, "http");
  server->authorization_ = "Bearer " + ReadFile(options.data_dir + "/root.key");
  return server;
}

}  // namespace claviger
