#include "client/cli/server_target.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/unit/cli/temp_dir.h"

namespace claviger::cli {
namespace {

using ::testing::HasSubstr;

TEST(ParseServerTest, WhatIsNoEndpointIsNamedAfterItsFlag) {
  EXPECT_EQ(ParseServer("[::1]:7420")->uri, "ipv6:[::1]:7420");
  const auto refused = ParseServer("http://host:1");
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(std::string(refused.status().message()),
            "--server: must be HOST:PORT, [IPV6]:PORT or unix:PATH");
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
  const client::Endpoint local = *ParseServer("127.0.0.1:7420");
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
