// Each limit, met from outside.

#include "server/transport/server_limits.h"

#include <string>

#include "gmock/gmock.h"
#include "grpcpp/security/credentials.h"
#include "grpcpp/security/server_credentials.h"
#include "gtest/gtest.h"
#include "tests/unit/server/transport/echo_server.h"
#include "tests/unit/server/transport/raw_connection.h"
#include "tests/unit/server/transport/test_certificates.h"

namespace claviger {
namespace {

using ::testing::HasSubstr;

// RFC 9113, section 7.
constexpr char kEnhanceYourCalm = 0xB;

// Of a GOAWAY.
char ErrorCode(const Frame& frame) { return frame.payload.at(7); }

TEST(ServerLimitsTest, DefaultsAreValid) { EXPECT_TRUE(ServerLimits().Validate().ok()); }

TEST(ServerLimitsTest, AMessageOverTheLimitIsRefused) {
  ServerLimits limits;
  limits.max_message_bytes = 64 << 10;
  ASSERT_TRUE(limits.Validate().ok());
  EchoServer server("127.0.0.1:0", grpc::InsecureServerCredentials(), limits);
  const std::string target = "127.0.0.1:" + std::to_string(server.port());
  const auto credentials = grpc::InsecureChannelCredentials();
  EXPECT_TRUE(server.Call(target, credentials, std::string(64 << 10, 'x')).ok());
  const absl::Status refused =
      server.Call(target, credentials, std::string((64 << 10) + 1, 'x')).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted) << refused;
}

TEST(ServerLimitsTest, MetadataOverTheLimitIsRefused) {
  const ServerLimits limits;
  EchoServer server("127.0.0.1:0", grpc::InsecureServerCredentials(), limits);
  const auto answer = [&server](size_t bytes) {
    RawConnection connection(server.port());
    connection.Greet();
    // What the server allows holds from when it is acknowledged.
    EXPECT_TRUE(connection.ReadUntil(Frame::kSettings).has_value());
    connection.Send(Frame{.type = Frame::kSettings, .flags = Frame::kAck});
    connection.BeginCall(1, RawConnection::Header("x-much", std::string(bytes, 'x')));
    connection.Send(Frame{.type = Frame::kData,
                          .flags = Frame::kEndStream,
                          .stream = 1,
                          .payload = std::string(5, '\0')});
    std::string headers;
    for (;;) {
      const std::optional<Frame> frame = connection.ReadUntil(Frame::kHeaders);
      if (!frame.has_value()) return headers;
      headers += frame->payload;
      if ((frame->flags & Frame::kEndStream) != 0) return headers;
    }
  };
  EXPECT_THAT(answer(7 << 10), HasSubstr(std::string("grpc-status\0010", 13)));
  EXPECT_THAT(answer(9 << 10), HasSubstr(std::string("grpc-status\0018", 13)));
}

TEST(ServerLimitsTest, OneCallTooManyAtOnceEndsTheConnection) {
  ServerLimits limits;
  limits.max_streams_per_connection = 3;
  EchoServer server("127.0.0.1:0", grpc::InsecureServerCredentials(), limits);
  RawConnection connection(server.port());
  connection.Greet();
  // What the server allows holds from when it is acknowledged.
  ASSERT_TRUE(connection.ReadUntil(Frame::kSettings).has_value());
  connection.Send(Frame{.type = Frame::kSettings, .flags = Frame::kAck});
  for (uint32_t stream = 1; stream <= 5; stream += 2) connection.BeginCall(stream);
  connection.Send(Frame{.type = Frame::kPing, .payload = std::string(8, 'p')});
  ASSERT_TRUE(connection.ReadUntil(Frame::kPing).has_value()) << "three are allowed";
  connection.BeginCall(7);
  // A client that keeps to HTTP/2 never does that: gRPC ends the whole connection.
  EXPECT_TRUE(connection.ReadToEnd());
}

TEST(ServerLimitsTest, WhoPingsTooOftenIsDisconnected) {
  EchoServer server("127.0.0.1:0", grpc::InsecureServerCredentials());
  RawConnection connection(server.port());
  connection.Greet();
  for (int i = 0; i < 10; ++i) {
    if (!connection.Send(Frame{.type = Frame::kPing, .payload = std::string(8, 'p')})) break;
  }
  const std::optional<Frame> goodbye = connection.ReadUntil(Frame::kGoaway);
  ASSERT_TRUE(goodbye.has_value());
  EXPECT_EQ(ErrorCode(*goodbye), kEnhanceYourCalm);
  EXPECT_TRUE(connection.ReadToEnd());
}

TEST(ServerLimitsTest, WhoDoesNotAnswerPingsIsDisconnected) {
  ServerLimits limits;
  limits.keepalive_interval = absl::Seconds(1);
  limits.keepalive_timeout = absl::Seconds(1);
  ASSERT_TRUE(limits.Validate().ok());
  EchoServer server("127.0.0.1:0", grpc::InsecureServerCredentials(), limits);
  RawConnection connection(server.port());
  connection.Greet();
  connection.BeginCall(1);
  EXPECT_TRUE(connection.ReadUntil(Frame::kPing).has_value());
  EXPECT_TRUE(connection.ReadToEnd());
}

TEST(ServerLimitsTest, AConnectionWithoutCallsIsClosed) {
  ServerLimits limits;
  limits.max_connection_idle = absl::Seconds(1);
  ASSERT_TRUE(limits.Validate().ok());
  EchoServer server("127.0.0.1:0", grpc::InsecureServerCredentials(), limits);
  RawConnection connection(server.port());
  connection.Greet();
  EXPECT_TRUE(connection.ReadUntil(Frame::kGoaway).has_value());
  EXPECT_TRUE(connection.ReadToEnd());
}

TEST(ServerLimitsTest, AnOldConnectionIsClosedAlsoUnderItsCalls) {
  ServerLimits limits;
  limits.max_connection_age = absl::Seconds(1);
  limits.max_connection_age_grace = absl::Milliseconds(200);
  ASSERT_TRUE(limits.Validate().ok());
  EchoServer server("127.0.0.1:0", grpc::InsecureServerCredentials(), limits);
  RawConnection connection(server.port());
  connection.Greet();
  connection.BeginCall(1);
  EXPECT_TRUE(connection.ReadUntil(Frame::kGoaway).has_value());
  EXPECT_TRUE(connection.ReadToEnd());
}

TEST(ServerLimitsTest, WhoSaysNothingIsDisconnected) {
  ServerLimits limits;
  limits.handshake_timeout = absl::Milliseconds(200);
  ASSERT_TRUE(limits.Validate().ok());
  EchoServer server("127.0.0.1:0", grpc::InsecureServerCredentials(), limits);
  RawConnection silent(server.port());
  RawConnection half(server.port());
  half.Send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  EXPECT_TRUE(silent.ReadToEnd());
  EXPECT_TRUE(half.ReadToEnd());
}

TEST(ServerLimitsTest, WhoLeavesATlsHandshakeOpenIsDisconnected) {
  const TestCertificate certificate =
      TestCertificate::SelfSigned({.common_name = "server", .sans = "DNS:localhost"});
  grpc::SslServerCredentialsOptions options;
  options.pem_key_cert_pairs.push_back({certificate.key_pem(), certificate.certificate_pem()});
  ServerLimits limits;
  limits.handshake_timeout = absl::Milliseconds(200);
  EchoServer server("127.0.0.1:0", grpc::SslServerCredentials(options), limits);
  RawConnection connection(server.port());
  // A record of a handshake, of 512 bytes of which four come.
  connection.Send(std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xFC", 9));
  EXPECT_TRUE(connection.ReadToEnd());
}

TEST(ServerLimitsTest, WhatIsNotAcceptedIsNamed) {
  const struct {
    void (*set)(ServerLimits&);
    std::string setting;
  } kCases[] = {
      {[](ServerLimits& limits) { limits.max_connections = 15; }, "max-connections"},
      {[](ServerLimits& limits) { limits.max_connections = 500'001; }, "max-connections"},
      {[](ServerLimits& limits) { limits.max_connections_per_address = 0; },
       "max-connections-per-address"},
      {[](ServerLimits& limits) { limits.max_message_bytes = 1; }, "max-message-size"},
      {[](ServerLimits& limits) { limits.max_metadata_bytes = 1; }, "max-metadata-size"},
      {[](ServerLimits& limits) { limits.max_streams_per_connection = 0; },
       "max-streams-per-connection"},
      {[](ServerLimits& limits) { limits.keepalive_interval = absl::ZeroDuration(); },
       "keepalive-interval"},
      {[](ServerLimits& limits) { limits.keepalive_timeout = absl::Hours(25); },
       "keepalive-timeout"},
      {[](ServerLimits& limits) { limits.min_ping_interval = absl::ZeroDuration(); },
       "min-ping-interval"},
      {[](ServerLimits& limits) { limits.max_connection_idle = absl::ZeroDuration(); },
       "max-connection-idle"},
      {[](ServerLimits& limits) { limits.max_connection_age = absl::ZeroDuration(); },
       "max-connection-age"},
      {[](ServerLimits& limits) { limits.max_connection_age_grace = -absl::Seconds(1); },
       "max-connection-age-grace"},
      {[](ServerLimits& limits) { limits.handshake_timeout = absl::Milliseconds(99); },
       "handshake-timeout"},
  };
  for (const auto& [set, setting] : kCases) {
    ServerLimits limits;
    set(limits);
    const absl::Status status = limits.Validate();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << setting;
    EXPECT_THAT(std::string(status.message()), testing::StartsWith(setting + ": "));
  }
}

}  // namespace
}  // namespace claviger
