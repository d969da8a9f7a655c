#include "tests/bench/claviger_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <optional>

#include "absl/time/clock.h"
#include "fmt/format.h"

namespace claviger::bench {
namespace {

constexpr absl::Duration kStartTimeout = absl::Seconds(60);
constexpr absl::Duration kHttpTimeout = absl::Seconds(10);

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
  const UniqueFd watch(inotify_init1(IN_CLOEXEC));
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

absl::StatusOr<std::string> HttpGet(const std::string& address, std::string_view path) {
  sockaddr_in server{};
  server.sin_family = AF_INET;
  const size_t colon = address.rfind(':');
  server.sin_port = htons(static_cast<uint16_t>(std::atoi(address.c_str() + colon + 1)));
  inet_pton(AF_INET, address.substr(0, colon).c_str(), &server.sin_addr);
  const UniqueFd socket_fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const std::string request = fmt::format("GET {} HTTP/1.0\r\nHost: {}\r\n\r\n", path, address);
  if (connect(socket_fd.get(), reinterpret_cast<const sockaddr*>(&server), sizeof server) != 0 ||
      write(socket_fd.get(), request.data(), request.size()) !=
          static_cast<ssize_t>(request.size())) {
    return absl::UnavailableError(fmt::format("cannot ask {} for {}", address, path));
  }
  std::string answer;
  std::array<char, 16384> buffer;
  for (;;) {
    if (absl::Status s = WaitReadable(socket_fd.get(), kHttpTimeout); !s.ok()) return s;
    const ssize_t count = read(socket_fd.get(), buffer.data(), buffer.size());
    if (count < 0) return absl::UnavailableError(fmt::format("no answer from {}", address));
    if (count == 0) return answer;
    answer.append(buffer.data(), static_cast<size_t>(count));
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<ClavigerServer>> ClavigerServer::Start(BenchEnvironment& environment,
                                                                      const std::string& data_dir) {
  const std::string log_file = environment.NewPath("clavigerd.log");
  auto process = ChildProcess::Start(
      {.argv = {environment.options().server, "--dev", "--data", data_dir, "--listen",
                "127.0.0.1:0", "--http-listen", "127.0.0.1:0", "--log-format", "text"},
       .output_file = log_file});
  if (!process.ok()) return process.status();
  const absl::StatusOr<std::string> line = WaitForLine(log_file, " serving ");
  if (!line.ok()) return line.status();
  auto server = std::unique_ptr<ClavigerServer>(new ClavigerServer());
  server->process_ = *std::move(process);
  server->address_ = FieldOf(*line, "grpc");
  server->http_address_ = FieldOf(*line, "http");
  server->authorization_ = "Bearer " + ReadFile(data_dir + "/root.key");
  return server;
}

absl::StatusOr<double> ClavigerServer::Metric(std::string_view name) const {
  const absl::StatusOr<std::string> text = HttpGet(http_address_, "/metrics");
  if (!text.ok()) return text.status();
  const std::string label = fmt::format("\n{} ", name);
  const size_t at = text->find(label);
  if (at == std::string::npos) return absl::NotFoundError(fmt::format("no metric {}", name));
  return std::strtod(text->c_str() + at + label.size(), nullptr);
}

}  // namespace claviger::bench
