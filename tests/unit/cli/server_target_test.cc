#include "client/cli/server_target.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/unit/cli/temp_dir.h"

namespace claviger::cli {
namespace {

using ::testing::HasSubstr;

TEST(ParseServerTest, KnowsWhatIsOnThisMachine) {
  const struct {
    const char* text;
    const char* uri;
    bool is_local;
  } cases[] = {{"127.0.0.1:7420", "ipv4:127.0.0.1:7420", true},
               {"127.9.9.9:1", "ipv4:127.9.9.9:1", true},
               {"[::1]:7420", "ipv6:[::1]:7420", true},
               {"localhost:7420", "dns:///localhost:7420", true},
               {"unix:/run/claviger.sock", "unix:/run/claviger.sock", true},
               {"10.0.0.1:7420", "ipv4:10.0.0.1:7420", false},
               {"[2001:db8::1]:7420", "ipv6:[2001:db8::1]:7420", false},
               {"0.0.0.0:7420", "ipv4:0.0.0.0:7420", false},
               {"keys.example.com:443", "dns:///keys.example.com:443", false},
               {"localhost.evil.example:443", "dns:///localhost.evil.example:443", false},
               {"127.0.0.1.evil.example:443", "dns:///127.0.0.1.evil.example:443", false}};
  for (const auto& c : cases) {
    const auto target = ParseServer(c.text);
    ASSERT_TRUE(target.ok()) << c.text;
    EXPECT_EQ(target->uri, c.uri);
    EXPECT_EQ(target->is_local, c.is_local) << c.text;
  }
}

TEST(ParseServerTest, RefusesEverythingElse) {
  for (const char* text :
       {"", "host", "host:", ":7420", "host:0", "host:65536", "host:7420x", "host:-1", "::1:7420",
        "[::1]", "[host]:7420", "[127.0.0.1]:7420", "dns:///host:1", "http://host:1",
        "unix:", "ho st:1", "host/path:1", "hö:1"}) {
    EXPECT_EQ(ParseServer(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

TEST(ChooseTransportTest, PlaintextOnThisMachineTlsElsewhere) {
  EXPECT_EQ(*ChooseTransport(*ParseServer("127.0.0.1:7420"), {}), Transport::kPlaintext);
  EXPECT_EQ(*ChooseTransport(*ParseServer("unix:/s"), {}), Transport::kPlaintext);
  EXPECT_EQ(*ChooseTransport(*ParseServer("keys.example.com:443"), {}), Transport::kTls);
  EXPECT_EQ(*ChooseTransport(*ParseServer("127.0.0.1:7420"), {.ca_file = "ca.pem"}),
            Transport::kTls);
}

TEST(ChooseTransportTest, PlaintextToAnotherHostIsRefused) {
  const auto transport = ChooseTransport(*ParseServer("10.0.0.1:7420"), {.plaintext = true});
  ASSERT_FALSE(transport.ok());
  EXPECT_THAT(std::string(transport.status().message()), HasSubstr("refused for 10.0.0.1:7420"));
}

TEST(ChooseTransportTest, OptionsThatExcludeEachOtherAreRefused) {
  const ServerTarget local = *ParseServer("127.0.0.1:7420");
  EXPECT_FALSE(ChooseTransport(local, {.ca_file = "ca.pem", .plaintext = true}).ok());
  EXPECT_FALSE(ChooseTransport(local, {.cert_file = "cert.pem"}).ok());
  EXPECT_FALSE(ChooseTransport(local, {.cert_key_file = "key.pem"}).ok());
}

TEST(MakeCredentialsTest, FileThatIsMissingOrNotPemIsNamed) {
  const TempDir dir;
  const auto missing = MakeCredentials(Transport::kTls, {.ca_file = dir.Path("missing.pem")});
  EXPECT_EQ(missing.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(missing.status().message()), HasSubstr("--ca"));
  const auto garbage = MakeCredentials(Transport::kTls, {.ca_file = dir.Write("ca.pem", "hello")});
  EXPECT_EQ(garbage.status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace claviger::cli
