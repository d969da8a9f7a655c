#include "tests/support/http_get.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

#include "absl/time/time.h"
#include "core/file_descriptor.h"
#include "fmt/format.h"
#include "tests/support/child_process.h"

namespace claviger {
namespace {

constexpr absl::Duration kHttpTimeout = absl::Seconds(10);

}  // namespace

absl::StatusOr<std::string> HttpGet(const std::string& address, std::string_view path) {
  sockaddr_in server{};
  server.sin_family = AF_INET;
  const size_t colon = address.rfind(':');
  server.sin_port = htons(static_cast<uint16_t>(std::atoi(address.c_str() + colon + 1)));
  inet_pton(AF_INET, address.substr(0, colon).c_str(), &server.sin_addr);
  const FileDescriptor socket_fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
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

absl::StatusOr<double> GetMetric(const std::string& address, std::string_view name) {
  const absl::StatusOr<std::string> text = HttpGet(address, "/metrics");
  if (!text.ok()) return text.status();
  const std::string label = fmt::format("\n{} ", name);
  const size_t at = text->find(label);
  if (at == std::string::npos) return absl::NotFoundError(fmt::format("no metric {}", name));
  return std::strtod(text->c_str() + at + label.size(), nullptr);
}

}  // namespace claviger
