#include "client/cli/connection_advice.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace claviger::cli {
namespace {

using ::testing::HasSubstr;

constexpr char kUntrusted[] =
    "failed to connect to all addresses; last error: UNKNOWN: ipv4:10.0.0.1:7420: Ssl handshake "
    "failed: SSL_ERROR_SSL: error:0A000086:SSL routines::certificate verify failed";
// As another TLS library writes it.
constexpr char kUntrustedToo[] =
    "Ssl handshake failed: SSL_ERROR_SSL: error:1000007d:SSL "
    "routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED";
constexpr char kClosed[] = "last error: UNAVAILABLE: ipv4:10.0.0.1:7420: Socket closed";

std::string OverTls(std::string_view message, const TransportOptions& options = {}) {
  return ConnectionAdvice(message, Transport::kTls, options);
}

TEST(ConnectionAdviceTest, AnAuthorityThatIsNotTrusted) {
  EXPECT_THAT(OverTls(kUntrusted), HasSubstr("--ca"));
  EXPECT_THAT(OverTls(kUntrustedToo), HasSubstr("--ca"));
  EXPECT_THAT(OverTls(kUntrusted, {.ca_file = "mine.pem"}), HasSubstr("mine.pem"));
}

TEST(ConnectionAdviceTest, AServerThatHangsUp) {
  EXPECT_THAT(OverTls(kClosed), HasSubstr("wants a client certificate"));
  EXPECT_THAT(OverTls(kClosed, {.cert_file = "me.pem"}), HasSubstr("me.pem"));
  EXPECT_THAT(ConnectionAdvice(kClosed, Transport::kPlaintext, {}), HasSubstr("speaks TLS"));
}

TEST(ConnectionAdviceTest, PlaintextAndAnotherName) {
  EXPECT_THAT(OverTls("error:0A00010B:SSL routines::wrong version number"),
              HasSubstr("speaks plaintext"));
  EXPECT_THAT(OverTls("Peer name 127.0.0.1 is not in peer certificate"), HasSubstr("another name"));
}

TEST(ConnectionAdviceTest, NothingToAdd) {
  EXPECT_EQ(OverTls("Failed to connect to remote host: Connection refused"), "");
  EXPECT_EQ(ConnectionAdvice("Connection refused", Transport::kPlaintext, {}), "");
  EXPECT_EQ(ConnectionAdvice("Socket closed", Transport::kPlaintext, {}), "")
      << "a server that spoke plaintext and was killed";
}

}  // namespace
}  // namespace claviger::cli
