#include "claviger/client_options.h"

#include <functional>
#include <string>
#include <utility>

#include "client/src/secret_access.h"
#include "core/secret.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace claviger {
namespace {

using ::testing::StartsWith;

ClientOptions Good() {
  ClientOptions options;
  options.endpoints = {"127.0.0.1:7420"};
  options.key_file = "claviger.key";
  options.plaintext = true;
  return options;
}

TEST(ClientOptionsTest, TheDefaultsAreGood) {
  const ClientOptions options = Good();
  EXPECT_EQ(options.Validate(), absl::OkStatus());
  EXPECT_EQ(options.max_cached_keys, 100'000u);
  EXPECT_EQ(options.max_cache_bytes, size_t{64} << 20);
  EXPECT_EQ(options.check_timeout, absl::Seconds(1));
  EXPECT_EQ(options.stale_on_error, absl::ZeroDuration()) << "fails closed";
}

TEST(ClientOptionsTest, AWrongOneIsNamed) {
  const struct {
    const char* name;
    std::function<void(ClientOptions&)> spoil;
  } kCases[] = {
      {"endpoints:", [](auto& o) { o.endpoints.clear(); }},
      {"endpoints:", [](auto& o) { o.endpoints.assign(17, "127.0.0.1:7420"); }},
      {"endpoints[1]:", [](auto& o) { o.endpoints.push_back("keys"); }},
      {"plaintext:", [](auto& o) { o.endpoints.push_back("keys.internal:7420"); }},
      {"plaintext:", [](auto& o) { o.tls.ca_file = "ca.pem"; }},
      {"key:", [](auto& o) { o.key = SecretString("k"); }},
      {"key:", [](auto& o) { o.key_file.clear(); }},
      {"tls.cert_file:",
       [](auto& o) {
         o.plaintext = false;
         o.tls.cert_file = "cert.pem";
       }},
      {"project_ids:", [](auto& o) { o.project_ids.assign(65, "web"); }},
      {"project_ids[0]:", [](auto& o) { o.project_ids = {"Not An Id"}; }},
      {"max_cached_keys:", [](auto& o) { o.max_cached_keys = 0; }},
      {"max_cached_keys:", [](auto& o) { o.max_cached_keys = 50'000'001; }},
      {"max_cache_bytes:", [](auto& o) { o.max_cache_bytes = 1000; }},
      {"check_timeout:", [](auto& o) { o.check_timeout = absl::Milliseconds(9); }},
      {"check_timeout:", [](auto& o) { o.check_timeout = absl::Seconds(61); }},
      {"check_timeout:", [](auto& o) { o.check_timeout = absl::InfiniteDuration(); }},
      {"stale_on_error:", [](auto& o) { o.stale_on_error = -absl::Nanoseconds(1); }},
      {"stale_on_error:", [](auto& o) { o.stale_on_error = absl::Seconds(61); }},
      {"client_name:", [](auto& o) { o.client_name = std::string(129, 'a'); }},
      {"client_name:", [](auto& o) { o.client_name = "a\nb"; }},
  };
  for (const auto& [name, spoil] : kCases) {
    ClientOptions options = Good();
    spoil(options);
    const absl::Status status = options.Validate();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << name;
    EXPECT_THAT(std::string(status.message()), StartsWith(name));
  }
}

TEST(SecretStringTest, MovesAndLeavesNothingBehind) {
  std::string source = "short";
  SecretString first(std::move(source));
  EXPECT_TRUE(source.empty());  // NOLINT(bugprone-use-after-move): that is the promise
  SecretString second(std::move(first));
  EXPECT_TRUE(first.empty());  // NOLINT(bugprone-use-after-move)
  SecretString third;
  third = std::move(second);
  EXPECT_TRUE(second.empty());  // NOLINT(bugprone-use-after-move)
  EXPECT_EQ(client::SecretAccess::Take(third).ExposeSecret(), "short");
  EXPECT_TRUE(third.empty());
}

}  // namespace
}  // namespace claviger
