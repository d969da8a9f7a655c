// Retries of IssueKey.

#include <set>
#include <thread>

#include "tests/integration/server_test.h"

namespace claviger {
namespace {

constexpr char kId[] = "123e4567-e89b-42d3-a456-426614174000";

class RequestIdTest : public ServerTest {
 protected:
  static v1::IssueKeyRequest Retryable(const std::string& request_id = kId) {
    v1::IssueKeyRequest request = NewKey("default", {"a:b"});
    (*request.mutable_labels())["one"] = "1";
    (*request.mutable_labels())["two"] = "2";
    request.set_request_id(request_id);
    return request;
  }
};

TEST_F(RequestIdTest, ARetryGivesTheSameKeyWithTheSameSecret) {
  const IssuedKey first = Issue(Retryable());
  const auto before = Written();
  const IssuedKey second = Issue(Retryable());
  EXPECT_EQ(second.DebugString(), first.DebugString());
  EXPECT_EQ(Written(), before);
  EXPECT_EQ(CodeOf(second.key()), v1::VERIFY_CODE_VALID);
}

TEST_F(RequestIdTest, ARetryAfterARestartGivesTheSameKey) {
  const IssuedKey first = Issue(Retryable());
  Restart();
  EXPECT_EQ(Issue(Retryable()).DebugString(), first.DebugString());
}

TEST_F(RequestIdTest, TenMinutesCountOverARestart) {
  const IssuedKey first = Issue(Retryable());
  Restart();
  server_.clock().Advance(absl::Minutes(10) - absl::Nanoseconds(1));
  EXPECT_EQ(Issue(Retryable()).key(), first.key());
  server_.clock().Advance(absl::Nanoseconds(1));
  Restart();
  EXPECT_NE(Issue(Retryable()).key(), first.key());
}

TEST_F(RequestIdTest, TheIdIsTheSameInUpperCase) {
  const IssuedKey first = Issue(Retryable());
  EXPECT_EQ(Issue(Retryable("123E4567-E89B-42D3-A456-426614174000")).key(), first.key());
}

TEST_F(RequestIdTest, OtherArgumentsAreRefused) {
  Issue(Retryable());
  v1::IssueKeyRequest other = Retryable();
  other.add_scopes("more");
  const auto before = Written();
  EXPECT_THAT(root().Call(other),
              IsError(StatusCode::ALREADY_EXISTS, "REQUEST_ID_REUSED", "request_id"));
  other = Retryable();
  other.set_owner("somebody else");
  EXPECT_THAT(root().Call(other), IsError(StatusCode::ALREADY_EXISTS, "REQUEST_ID_REUSED"));
  EXPECT_EQ(Written(), before);
}

TEST_F(RequestIdTest, AnotherCallerWithTheSameIdGetsAnotherKey) {
  const IssuedKey first = Issue(Retryable());
  const auto other = Manager({"keys.issue"}).Call(Retryable());
  ASSERT_THAT(other, IsOk());
  EXPECT_NE(other->key(), first.key());
  EXPECT_NE(other->info().key_id(), first.info().key_id());
}

TEST_F(RequestIdTest, AfterTenMinutesTheIdIsNew) {
  const IssuedKey first = Issue(Retryable());
  server_.clock().Advance(absl::Minutes(10) - absl::Nanoseconds(1));
  EXPECT_EQ(Issue(Retryable()).key(), first.key());
  server_.clock().Advance(absl::Nanoseconds(1));
  EXPECT_NE(Issue(Retryable()).key(), first.key());
}

TEST_F(RequestIdTest, ARetryShowsTheKeyAsItIsByNow) {
  const IssuedKey first = Issue(Retryable());
  Revoke(first.info().key_id());
  const IssuedKey second = Issue(Retryable());
  EXPECT_EQ(second.key(), first.key());
  EXPECT_EQ(second.info().state(), v1::KEY_STATE_REVOKED);
}

TEST_F(RequestIdTest, ATrialDoesNotUseUpTheId) {
  v1::IssueKeyRequest trial = Retryable();
  trial.set_validate_only(true);
  EXPECT_THAT(Issue(trial).key(), testing::IsEmpty());
  EXPECT_THAT(Issue(Retryable()).key(), testing::Not(testing::IsEmpty()));
}

TEST_F(RequestIdTest, ATrialWithAnIdThatWasUsedSaysSo) {
  const IssuedKey first = Issue(Retryable());
  v1::IssueKeyRequest trial = Retryable();
  trial.set_validate_only(true);
  const auto before = Written();
  const auto refused = root().Call(trial);
  EXPECT_THAT(refused, IsError(StatusCode::ALREADY_EXISTS, "REQUEST_ID_REUSED", "request_id",
                               "validate_only"));
  EXPECT_THAT(refused.status.error_message(), testing::HasSubstr(first.info().key_id()));
  EXPECT_EQ(refused->info().key_id(), "");
  trial.set_owner("somebody else");
  EXPECT_THAT(root().Call(trial),
              IsError(StatusCode::ALREADY_EXISTS, "REQUEST_ID_REUSED", "request_id"));
  EXPECT_EQ(Written(), before);
  server_.clock().Advance(absl::Minutes(10));
  EXPECT_THAT(root().Call(trial), IsOk()) << "by then the id is new";
}

TEST_F(RequestIdTest, AFailedRequestDoesNotUseUpTheId) {
  v1::IssueKeyRequest request = Retryable();
  request.set_project_id("shop");
  ASSERT_THAT(root().Call(request), IsError(StatusCode::NOT_FOUND, "PROJECT_NOT_FOUND"));
  MakeProject("shop");
  EXPECT_EQ(CodeOf(Issue(request).key()), v1::VERIFY_CODE_VALID);
}

TEST_F(RequestIdTest, RetriesAtTheSameTimeMakeOneKey) {
  constexpr int kThreads = 16;
  const int64_t keys_before = Written().second;
  std::vector<Outcome<IssuedKey>> outcomes(kThreads);
  {
    std::vector<std::jthread> threads;
    for (Outcome<IssuedKey>& outcome : outcomes) {
      threads.emplace_back([&outcome, caller = root()] { outcome = caller.Call(Retryable()); });
    }
  }
  std::set<std::string> keys;
  for (const Outcome<IssuedKey>& outcome : outcomes) {
    ASSERT_THAT(outcome, IsOk());
    keys.insert(outcome->key());
  }
  EXPECT_EQ(keys.size(), 1u);
  EXPECT_EQ(Written().second, keys_before + 1);
}

}  // namespace
}  // namespace claviger
