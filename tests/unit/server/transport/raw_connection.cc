#include "tests/unit/server/transport/raw_connection.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <cerrno>

#include "fmt/format.h"
#include "gtest/gtest.h"

namespace claviger {
namespace {

// Longer than any test waits for what comes.
constexpr timeval kPatience = {.tv_sec = 60, .tv_usec = 0};

sockaddr_in Loopback(const std::string& host, uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  EXPECT_EQ(inet_pton(AF_INET, host.c_str(), &address.sin_addr), 1) << host;
  return address;
}

// RFC 7541, section 5.1, with a prefix of 7 bits.
std::string Length(size_t length) {
  if (length < 127) return std::string(1, static_cast<char>(length));
  std::string out(1, 127);
  for (length -= 127; length >= 128; length /= 128) out += static_cast<char>(length % 128 + 128);
  return out + static_cast<char>(length);
}

}  // namespace

RawConnection::RawConnection(uint16_t port, const std::string& from)
    : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  const sockaddr_in here = Loopback(from, 0);
  const sockaddr_in there = Loopback("127.0.0.1", port);
  setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof(kPatience));
  EXPECT_EQ(bind(fd_.get(), reinterpret_cast<const sockaddr*>(&here), sizeof(here)), 0);
  // A server that turns it away at once may do so before this returns.
  EXPECT_TRUE(connect(fd_.get(), reinterpret_cast<const sockaddr*>(&there), sizeof(there)) == 0 ||
              errno == ECONNRESET)
      << "errno " << errno;
}

std::string RawConnection::peer() const {
  sockaddr_in address{};
  socklen_t size = sizeof(address);
  EXPECT_EQ(getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  char text[INET_ADDRSTRLEN] = {};
  inet_ntop(AF_INET, &address.sin_addr, text, sizeof(text));
  return fmt::format("ipv4:{}:{}", text, ntohs(address.sin_port));
}

bool RawConnection::Send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0) return false;
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

bool RawConnection::Send(const Frame& frame) {
  std::string bytes;
  const auto append = [&bytes](uint32_t value, int size) {
    for (int shift = 8 * (size - 1); shift >= 0; shift -= 8) {
      bytes += static_cast<char>(value >> shift);
    }
  };
  append(static_cast<uint32_t>(frame.payload.size()), 3);
  append(frame.type, 1);
  append(frame.flags, 1);
  append(frame.stream, 4);
  return Send(bytes + frame.payload);
}

void RawConnection::Greet() {
  EXPECT_TRUE(Send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
  EXPECT_TRUE(Send(Frame{.type = Frame::kSettings}));
}

std::string RawConnection::Header(std::string_view name, std::string_view value) {
  return fmt::format("{}{}{}{}{}", '\0', Length(name.size()), name, Length(value.size()), value);
}

void RawConnection::BeginCall(uint32_t stream, std::string_view more_headers) {
  EXPECT_TRUE(
      Send(Frame{.type = Frame::kHeaders,
                 .flags = Frame::kEndHeaders,
                 .stream = stream,
                 .payload = Header(":method", "POST") + Header(":scheme", "http") +
                            Header(":path", "/echo.Echo/Echo") + Header(":authority", "localhost") +
                            Header("te", "trailers") + Header("content-type", "application/grpc") +
                            std::string(more_headers)}));
}

bool RawConnection::ReadExactly(size_t size, std::string& out) {
  out.resize(size);
  size_t done = 0;
  while (done < size) {
    const ssize_t got = recv(fd_.get(), out.data() + done, size - done, 0);
    if (got < 0) {
      EXPECT_TRUE(errno == ECONNRESET || errno == EPIPE || errno == ENOTCONN)
          << "nothing came: errno " << errno;
    }
    if (got <= 0) return false;
    done += static_cast<size_t>(got);
  }
  return true;
}

std::optional<Frame> RawConnection::ReadFrame() {
  std::string head;
  if (!ReadExactly(9, head)) return std::nullopt;
  const auto at = [&head](size_t i) {
    return static_cast<uint32_t>(static_cast<uint8_t>(head[i]));
  };
  Frame frame{.type = static_cast<uint8_t>(at(3)),
              .flags = static_cast<uint8_t>(at(4)),
              .stream = (at(5) & 0x7F) << 24 | at(6) << 16 | at(7) << 8 | at(8)};
  if (!ReadExactly(at(0) << 16 | at(1) << 8 | at(2), frame.payload)) return std::nullopt;
  return frame;
}

std::optional<Frame> RawConnection::ReadUntil(Frame::Type type) {
  for (;;) {
    std::optional<Frame> frame = ReadFrame();
    if (!frame.has_value() || frame->type == type) return frame;
    if (frame->type == Frame::kSettings && (frame->flags & Frame::kAck) == 0) {
      Send(Frame{.type = Frame::kSettings, .flags = Frame::kAck});
    }
  }
}

bool RawConnection::ReadToEnd() {
  char bytes[4096];
  for (;;) {
    const ssize_t got = recv(fd_.get(), bytes, sizeof(bytes), 0);
    if (got == 0) return true;
    if (got < 0) return errno == ECONNRESET || errno == ENOTCONN;
  }
}

bool RawConnection::HasEnded() const {
  char bytes[4096];
  for (;;) {
    const ssize_t got = recv(fd_.get(), bytes, sizeof(bytes), MSG_DONTWAIT);
    if (got == 0) return true;
    if (got < 0) return errno != EAGAIN;
  }
}

}  // namespace claviger
