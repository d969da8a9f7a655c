// Retries of RotateKey.

#include "tests/integration/server_test.h"

namespace claviger {
namespace {

using ::testing::HasSubstr;

constexpr absl::Duration kDay = absl::Hours(24);
constexpr char kRequestId[] = "123e4567-e89b-42d3-a456-426614174000";

class RotateRetryTest : public ServerTest {
 protected:
  // A rotation that may be repeated.
  static v1::RotateKeyRequest RotationOf(const IssuedKey& key, absl::Duration grace) {
    v1::RotateKeyRequest request;
    request.set_key_id(key.info().key_id());
    SetDuration(grace, request.mutable_grace_period());
    request.set_request_id(kRequestId);
    return request;
  }
  v1::RotateKeyResponse Rotate(const v1::RotateKeyRequest& request) {
    const auto outcome = root().Call(request);
    EXPECT_THAT(outcome, IsOk());
    return *outcome;
  }
};

TEST_F(RotateRetryTest, ARetryGivesTheSameKeyWithTheSameSecret) {
  v1::RotateKeyRequest request = RotationOf(Issue(), kDay);
  request.set_if_revision(Get(request.key_id()).revision());
  const v1::RotateKeyResponse first = Rotate(request);
  const auto before = Written();
  v1::RotateKeyResponse second = Rotate(request);
  EXPECT_TRUE(second.has_propagation()) << "whoever asks again is waited for again";
  EXPECT_EQ(second.DebugString(), first.DebugString());
  EXPECT_EQ(Written(), before);
  Restart();
  EXPECT_EQ(Rotate(request).key(), first.key());
  v1::RotateKeyRequest other = request;
  SetDuration(2 * kDay, other.mutable_grace_period());
  EXPECT_THAT(root().Call(other),
              IsError(StatusCode::ALREADY_EXISTS, "REQUEST_ID_REUSED", "request_id"));
  server_.clock().Advance(absl::Minutes(10));
  EXPECT_THAT(root().Call(request), IsError(StatusCode::ABORTED, "STALE_REVISION"));
  request.clear_if_revision();
  EXPECT_THAT(root().Call(request), IsError(StatusCode::FAILED_PRECONDITION, "KEY_ROTATED"));
}

TEST_F(RotateRetryTest, ARotationThatTookNothingWaitsForNobody) {
  v1::IssueKeyRequest issue = NewKey();
  SetDuration(kDay, issue.mutable_ttl());
  const v1::RotateKeyRequest request = RotationOf(Issue(issue), 2 * kDay);
  EXPECT_FALSE(Rotate(request).has_propagation());
}

TEST_F(RotateRetryTest, ARetryAlsoWaitsForWhatTookMoreSince) {
  const IssuedKey old_key = Issue();
  const v1::RotateKeyRequest request = RotationOf(old_key, 2 * kDay);
  EXPECT_TRUE(Rotate(request).has_propagation());
  v1::UpdateKeyRequest sooner;
  sooner.mutable_key()->set_key_id(old_key.info().key_id());
  SetTime(server_.clock().Now() + kDay, sooner.mutable_key()->mutable_expire_time());
  sooner.mutable_update_mask()->add_paths("expire_time");
  const auto updated = root().Call(sooner);
  ASSERT_THAT(updated, IsOk());
  EXPECT_EQ(Rotate(request).propagation().revision(), updated->info().revision());
}

TEST_F(RotateRetryTest, AnIdThatIssuedAKeyRotatesNone) {
  v1::IssueKeyRequest issue = NewKey();
  issue.set_request_id(kRequestId);
  v1::RotateKeyRequest request = RotationOf(Issue(issue), kDay);
  EXPECT_THAT(root().Call(request),
              IsError(StatusCode::ALREADY_EXISTS, "REQUEST_ID_REUSED", "request_id"));
}

TEST_F(RotateRetryTest, ATrialWithAnIdThatWasUsedSaysSo) {
  v1::RotateKeyRequest request = RotationOf(Issue(), kDay);
  v1::RotateKeyRequest trial = request;
  trial.set_validate_only(true);
  EXPECT_THAT(root().Call(trial), IsOk());
  const std::string made = Rotate(request).info().key_id();
  const auto refused = root().Call(trial);
  EXPECT_THAT(refused, IsError(StatusCode::ALREADY_EXISTS, "REQUEST_ID_REUSED", "request_id"));
  EXPECT_THAT(refused.status.error_message(), HasSubstr(made));
}

}  // namespace
}  // namespace claviger
