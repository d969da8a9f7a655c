#include "claviger/server_guard.h"

#include <string>

#include "claviger/testing/fake_checker.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace claviger {
namespace {

using ::claviger::client_testing::FakeChecker;
using ::testing::StartsWith;

class ServerGuardTest : public ::testing::Test {
 protected:
  ServerGuardTest() {
    checker_.Accept("reader", {.scopes = {"orders:read"}});
    checker_.Accept("inside", {.scopes = {"orders:read"}, .allowed_cidrs = {"10.0.0.0/8"}});
    checker_.Deny("revoked", DecisionCode::kRevoked);
  }

  // What the guard says to a call with these headers.
  grpc::Status Call(const std::string& path, const std::multimap<std::string, std::string>& headers,
                    const GuardOptions& options = {}) {
    auto guard = MakeServerGuard(checker_,
                                 {{"/shop.Orders/List", {.required_scopes = {"orders:read"}}},
                                  {"/shop.Orders/*", {.required_scopes = {"orders:write"}}},
                                  {"/shop.Catalog/*", {}},
                                  {"/grpc.health.v1.Health/Check", {.open = true}}},
                                 options);
    EXPECT_EQ(guard.status(), absl::OkStatus());
    grpc::AuthMetadataProcessor::InputMetadata metadata(headers.begin(), headers.end());
    metadata.emplace(":path", path);
    grpc::AuthMetadataProcessor::OutputMetadata consumed;
    grpc::AuthMetadataProcessor::OutputMetadata response;
    return (*guard)->Process(metadata, nullptr, &consumed, &response);
  }
  grpc::Status Call(const std::string& path, const std::string& key) {
    return Call(path, {{"x-api-key", key}});
  }

  FakeChecker checker_;
};

TEST_F(ServerGuardTest, AMethodsOwnRuleComesBeforeItsServices) {
  EXPECT_TRUE(Call("/shop.Orders/List", "reader").ok());
  EXPECT_EQ(Call("/shop.Orders/Create", "reader").error_code(),
            grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_TRUE(Call("/shop.Catalog/Anything", "reader").ok());
}

TEST_F(ServerGuardTest, WhatHasNoRuleIsDenied) {
  for (const char* path : {"/shop.Users/List", "/shop/Orders/List", "/shop.Orders", "List", "",
                           "/grpc.health.v1.Health/Watch"}) {
    const grpc::Status status = Call(path, "reader");
    EXPECT_EQ(status.error_code(), grpc::StatusCode::PERMISSION_DENIED) << path;
    EXPECT_THAT(status.error_message(), StartsWith("METHOD_NOT_ALLOWED: "));
  }
}

TEST_F(ServerGuardTest, AnOpenMethodNeedsNoKey) {
  EXPECT_TRUE(Call("/grpc.health.v1.Health/Check", std::multimap<std::string, std::string>()).ok());
  EXPECT_EQ(checker_.checks(), 0u);
}

TEST_F(ServerGuardTest, TheMessageBeginsWithTheReason) {
  const struct {
    const char* key;
    grpc::StatusCode code;
    const char* reason;
  } kCases[] = {
      {"revoked", grpc::StatusCode::UNAUTHENTICATED, "KEY_REVOKED: "},
      {"unknown", grpc::StatusCode::UNAUTHENTICATED, "KEY_INVALID: "},
      {"inside", grpc::StatusCode::PERMISSION_DENIED, "ADDRESS_NOT_ALLOWED: "},
  };
  for (const auto& [key, code, reason] : kCases) {
    const grpc::Status status = Call("/shop.Orders/List", key);
    EXPECT_EQ(status.error_code(), code) << reason;
    EXPECT_THAT(status.error_message(), StartsWith(reason));
  }
  const grpc::Status missing = Call("/shop.Orders/List", std::multimap<std::string, std::string>());
  EXPECT_EQ(missing.error_code(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_THAT(missing.error_message(), StartsWith("KEY_MISSING: "));
}

TEST_F(ServerGuardTest, ATrustedHeaderTellsTheAddress) {
  const GuardOptions options{.address_header = "x-real-ip"};
  EXPECT_TRUE(
      Call("/shop.Orders/List", {{"x-api-key", "inside"}, {"x-real-ip", "10.1.1.1"}}, options)
          .ok());
  EXPECT_EQ(Call("/shop.Orders/List", {{"x-api-key", "inside"}, {"x-real-ip", "11.1.1.1"}}, options)
                .error_code(),
            grpc::StatusCode::PERMISSION_DENIED);
}

TEST_F(ServerGuardTest, WithoutTheAuthorityItLetsNobodyIn) {
  checker_.SetUnavailable(true);
  EXPECT_EQ(Call("/shop.Orders/List", "reader").error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(ServerGuardTest, AWrongRuleIsNamed) {
  const std::pair<const char*, MethodRule> kCases[] = {
      {"shop.Orders/List", {}},
      {"/shop.Orders", {}},
      {"/shop.Orders/", {}},
      {"/*", {}},
      {"/*/List", {}},
      {"/shop.Orders/Li*", {}},
      {"/shop.Orders/List", {.required_scopes = {"orders:*"}}},
      {"/shop.Orders/List", {.any_scopes = {"Not A Scope"}}},
      {"/shop.Orders/List", {.project_id = "Not An Id"}},
      {"/shop.Orders/List", {.open = true, .required_scopes = {"orders:read"}}},
  };
  for (const auto& [method, rule] : kCases) {
    const auto guard = MakeServerGuard(checker_, {{method, rule}});
    EXPECT_EQ(guard.status().code(), absl::StatusCode::kInvalidArgument) << method;
    EXPECT_THAT(std::string(guard.status().message()), StartsWith(std::string(method) + ": "));
  }
  EXPECT_EQ(MakeServerGuard(checker_, {}, {.key_headers = {}}).status().code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace claviger
