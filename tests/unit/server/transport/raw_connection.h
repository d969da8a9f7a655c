// A client's end of a connection, without any of gRPC's manners.
#ifndef CLAVIGER_TESTS_UNIT_SERVER_TRANSPORT_RAW_CONNECTION_H_
#define CLAVIGER_TESTS_UNIT_SERVER_TRANSPORT_RAW_CONNECTION_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "core/file_descriptor.h"

namespace claviger {

// A frame of HTTP/2 (RFC 9113, section 4).
struct Frame {
  enum Type : uint8_t {
    kData = 0,
    kHeaders = 1,
    kRstStream = 3,
    kSettings = 4,
    kPing = 6,
    kGoaway = 7,
  };
  static constexpr uint8_t kEndStream = 1;  // of kData and kHeaders
  static constexpr uint8_t kAck = 1;        // of kSettings and kPing
  static constexpr uint8_t kEndHeaders = 4;

  uint8_t type = 0;
  uint8_t flags = 0;
  uint32_t stream = 0;
  std::string payload = "";
};

// Thread safety: none.
class RawConnection {
 public:
  // Connects to 127.0.0.1:`port` from `from`, an address of 127.0.0.0/8.
  explicit RawConnection(uint16_t port, const std::string& from = "127.0.0.1");

  // What gRPC calls this end, e.g. `ipv4:127.0.0.1:50051`.
  std::string peer() const;

  // False when the other end has gone.
  bool Send(std::string_view bytes);
  bool Send(const Frame& frame);
  // What a client says first: the preface, and settings.
  void Greet();
  // The headers of a call of `/echo.Echo/Echo`, which is left open.
  void BeginCall(uint32_t stream, std::string_view more_headers = "");
  // A header as HPACK literal; the name in lower case, both shorter than 2^21.
  static std::string Header(std::string_view name, std::string_view value);

  // The next frame; nullopt when the connection ended first.
  std::optional<Frame> ReadFrame();
  // Reads on to the next frame of `type`, acknowledging settings, but not pings, on the way.
  std::optional<Frame> ReadUntil(Frame::Type type);
  // Reads on until the other end closes or resets; false when it does neither.
  bool ReadToEnd();
  // Whether the other end has closed or reset it by now.
  bool HasEnded() const;

 private:
  bool ReadExactly(size_t size, std::string& out);

  FileDescriptor fd_;
};

}  // namespace claviger

#endif  // CLAVIGER_TESTS_UNIT_SERVER_TRANSPORT_RAW_CONNECTION_H_
