#include "claviger/testing/fake_checker.h"

#include <optional>
#include <string_view>

#include "gtest/gtest.h"

namespace claviger::client_testing {
namespace {

constexpr std::string_view kWrite[] = {"orders:write"};

TEST(FakeCheckerTest, KnowsTheKeysThatItWasTold) {
  FakeChecker checker;
  checker.Accept("a", {.owner = "alice", .scopes = {"orders:read"}});
  checker.Deny("b", DecisionCode::kRevoked);
  EXPECT_EQ(checker.Check("a").grant().owner(), "alice");
  EXPECT_EQ(checker.Check("a", {.required_scopes = kWrite}).code(),
            DecisionCode::kInsufficientScope);
  EXPECT_EQ(checker.Check("b").code(), DecisionCode::kRevoked);
  EXPECT_EQ(checker.Check("c").code(), DecisionCode::kNotFound);
  EXPECT_EQ(checker.checks(), 4u);
}

TEST(FakeCheckerTest, CanBeUnavailableForAWhile) {
  FakeChecker checker;
  checker.Accept("a");
  checker.SetUnavailable(true);
  EXPECT_EQ(checker.Check("a").code(), DecisionCode::kUnavailable);
  checker.SetUnavailable(false);
  EXPECT_TRUE(checker.Check("a").valid());
}

TEST(FakeCheckerTest, CallsBackWithTheSame) {
  FakeChecker checker;
  checker.Accept("a");
  std::optional<Decision> decision;
  checker.CheckAsync("a", {}, [&decision](Decision got) { decision = got; });
  ASSERT_TRUE(decision.has_value());
  EXPECT_TRUE(decision->valid());
}

TEST(FakeCheckerDeathTest, AGrantThatNoAuthorityWouldGiveEndsTheTest) {
  EXPECT_DEATH(MakeGrant({.scopes = {"Not A Scope"}}), "GrantFields.scopes");
  EXPECT_DEATH(MakeGrant({.key_id = "short"}), "GrantFields.key_id");
  EXPECT_DEATH(MakeGrant({.allowed_cidrs = {"10.0.0.1/8"}}), "GrantFields.allowed_cidrs");
}

}  // namespace
}  // namespace claviger::client_testing
