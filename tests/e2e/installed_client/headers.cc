// The stand-ins for the client, as a service's own tests use them.

#include <claviger/testing/fake_checker.h>
#include <claviger/testing/mock_checker.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string_view>

namespace {

using claviger::DecisionCode;

TEST(InstalledClientTest, AFakeCheckerDecides) {
  static constexpr std::string_view kWrite[] = {"orders:write"};
  claviger::client_testing::FakeChecker checker;
  checker.Accept("key", {.owner = "alice", .scopes = {"orders:read"}});
  EXPECT_EQ(checker.Check("key").grant().owner(), "alice");
  EXPECT_EQ(checker.Check("key", {.required_scopes = kWrite}).code(),
            DecisionCode::kInsufficientScope);
}

TEST(InstalledClientTest, AMockCheckerIsCalled) {
  claviger::client_testing::MockChecker checker;
  EXPECT_CALL(checker, Check(testing::Eq("key"), testing::_))
      .WillOnce(testing::Return(claviger::client_testing::MakeDenial(DecisionCode::kRevoked)));
  claviger::Checker& used = checker;
  EXPECT_EQ(used.Check("key").code(), DecisionCode::kRevoked);
}

}  // namespace
