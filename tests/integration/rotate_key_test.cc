// RotateKey: both keys afterwards, the old one's end, and who may.

#include "google/protobuf/util/message_differencer.h"
#include "tests/integration/every_call.h"

namespace claviger {
namespace {

using ::google::protobuf::util::MessageDifferencer;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr absl::Duration kDay = absl::Hours(24);

class RotateKeyTest : public ServerTest {
 protected:
  static v1::RotateKeyRequest RotationOf(const IssuedKey& key,
                                         absl::Duration grace = absl::ZeroDuration()) {
    v1::RotateKeyRequest request;
    request.set_key_id(key.info().key_id());
    if (grace > absl::ZeroDuration()) SetDuration(grace, request.mutable_grace_period());
    return request;
  }

  v1::RotateKeyResponse Rotate(const v1::RotateKeyRequest& request) {
    const auto outcome = root().Call(request);
    EXPECT_THAT(outcome, IsOk());
    return *outcome;
  }
  v1::RotateKeyResponse Rotate(const IssuedKey& key, absl::Duration grace) {
    return Rotate(RotationOf(key, grace));
  }

  IssuedKey IssueWithLife(absl::Duration life, const std::string& project_id = "default") {
    v1::IssueKeyRequest request = NewKey(project_id);
    SetDuration(life, request.mutable_ttl());
    return Issue(request);
  }

  void SetPolicy(const std::string& project_id, const v1::ProjectPolicy& policy) {
    v1::UpdateProjectRequest request;
    request.mutable_project()->set_project_id(project_id);
    *request.mutable_project()->mutable_policy() = policy;
    request.mutable_update_mask()->add_paths("policy");
    ASSERT_THAT(root().Call(request), IsOk());
  }

  absl::Time Now() { return server_.clock().Now(); }
};

TEST_F(RotateKeyTest, TheNewKeyHasTheOldOnesAttributesAndNothingOfItsHistory) {
  v1::IssueKeyRequest request = NewKey("default", {"a:b", "c"});
  request.set_description("for the tests");
  request.set_environment(v1::ENVIRONMENT_TEST);
  request.set_owner("alice");
  (*request.mutable_labels())["team"] = "payments";
  (*request.mutable_metadata()->mutable_fields())["plan"].set_string_value("pro");
  request.add_allowed_cidrs("10.0.0.0/8");
  const IssuedKey old_key = Issue(request);
  server_.clock().Advance(kDay);
  const v1::RotateKeyResponse rotated = Rotate(old_key, 7 * kDay);

  EXPECT_NE(rotated.key(), old_key.key());
  EXPECT_THAT(rotated.key(), HasSubstr("_test_" + rotated.info().key_id() + "_"));
  v1::Key expected = old_key.info();
  expected.set_key_id(rotated.info().key_id());
  expected.set_key_prefix("clv_test_" + rotated.info().key_id());
  expected.set_masked_key(rotated.info().masked_key());
  expected.set_rotated_from(old_key.info().key_id());
  expected.set_revision(rotated.info().revision());
  SetTime(Now(), expected.mutable_create_time());
  SetTime(Now(), expected.mutable_update_time());
  EXPECT_TRUE(MessageDifferencer::Equals(rotated.info(), expected)) << rotated.info().DebugString();
  EXPECT_GT(rotated.info().revision(), old_key.info().revision());
  EXPECT_THAT(rotated.key(), testing::EndsWith(rotated.info().masked_key().substr(
                                 rotated.info().masked_key().size() - 4)));
  EXPECT_TRUE(MessageDifferencer::Equals(Get(rotated.info().key_id()), rotated.info()));
}

TEST_F(RotateKeyTest, TheOldKeyWorksUntilItsGraceIsOver) {
  const IssuedKey old_key = Issue();
  const v1::RotateKeyResponse rotated = Rotate(old_key, 7 * kDay);
  EXPECT_EQ(ToTime(rotated.replaced().expire_time()), Now() + 7 * kDay);
  EXPECT_EQ(ToTime(rotated.replaced().rotate_time()), Now());
  EXPECT_EQ(rotated.replaced().rotated_to(), rotated.info().key_id());
  EXPECT_FALSE(rotated.replaced().has_pending_grace());
  EXPECT_TRUE(MessageDifferencer::Equals(Get(old_key.info().key_id()), rotated.replaced()));
  EXPECT_EQ(CodeOf(rotated.key()), v1::VERIFY_CODE_VALID);
  server_.clock().Advance(7 * kDay - absl::Nanoseconds(1));
  EXPECT_EQ(CodeOf(old_key.key()), v1::VERIFY_CODE_VALID);
  server_.clock().Advance(absl::Nanoseconds(1));
  EXPECT_EQ(CodeOf(old_key.key()), v1::VERIFY_CODE_EXPIRED);
  EXPECT_EQ(CodeOf(rotated.key()), v1::VERIFY_CODE_VALID);
}

TEST_F(RotateKeyTest, WithoutAGraceTheOldKeyIsRevokedAtOnce) {
  const IssuedKey old_key = Issue();
  const v1::RotateKeyResponse rotated = Rotate(old_key, absl::ZeroDuration());
  EXPECT_EQ(rotated.replaced().state(), v1::KEY_STATE_REVOKED);
  EXPECT_EQ(rotated.replaced().revoke_reason(), v1::REVOKE_REASON_SUPERSEDED);
  EXPECT_EQ(ToTime(rotated.replaced().revoke_time()), Now());
  EXPECT_FALSE(rotated.replaced().has_expire_time());
  EXPECT_EQ(CodeOf(old_key.key()), v1::VERIFY_CODE_REVOKED);
  EXPECT_EQ(CodeOf(rotated.key()), v1::VERIFY_CODE_VALID);
}

TEST_F(RotateKeyTest, AGraceThatBeginsWithTheFirstUseChangesNothingYet) {
  const IssuedKey old_key = IssueWithLife(90 * kDay);
  v1::RotateKeyRequest request = RotationOf(old_key, 2 * kDay);
  request.set_grace_starts(v1::GRACE_START_FIRST_USE);
  const v1::RotateKeyResponse rotated = Rotate(request);
  EXPECT_EQ(rotated.replaced().pending_grace().seconds(), 2 * 86'400);
  EXPECT_EQ(rotated.replaced().state(), v1::KEY_STATE_ACTIVE);
  EXPECT_TRUE(
      MessageDifferencer::Equals(rotated.replaced().expire_time(), old_key.info().expire_time()));
  EXPECT_FALSE(rotated.has_propagation()) << "nothing was taken away";
  EXPECT_EQ(CodeOf(old_key.key()), v1::VERIFY_CODE_VALID);
  EXPECT_TRUE(MessageDifferencer::Equals(Get(old_key.info().key_id()), rotated.replaced()));
}

TEST_F(RotateKeyTest, TheFirstUseOfTheNewKeyBeginsTheGrace) {
  const IssuedKey old_key = Issue();
  v1::RotateKeyRequest request = RotationOf(old_key, 2 * kDay);
  request.set_grace_starts(v1::GRACE_START_FIRST_USE);
  const v1::RotateKeyResponse rotated = Rotate(request);
  server_.clock().Advance(kDay);
  Restart();
  EXPECT_TRUE(Get(old_key.info().key_id()).has_pending_grace()) << "nobody has used the new one";

  EXPECT_EQ(CodeOf(rotated.key()), v1::VERIFY_CODE_VALID);
  Restart();  // brings what was counted into the store
  const v1::Key ending = Get(old_key.info().key_id());
  EXPECT_FALSE(ending.has_pending_grace());
  EXPECT_EQ(ToTime(ending.expire_time()), Now() + 2 * kDay);
  EXPECT_EQ(CodeOf(old_key.key()), v1::VERIFY_CODE_VALID);
  server_.clock().Advance(2 * kDay);
  EXPECT_EQ(CodeOf(old_key.key()), v1::VERIFY_CODE_EXPIRED);
}

TEST_F(RotateKeyTest, AnOldKeyThatIsStillInUseShowsIt) {
  const IssuedKey old_key = Issue();
  Rotate(old_key, 2 * kDay);
  EXPECT_FALSE(Get(old_key.info().key_id()).used_since_rotation());
  server_.clock().Advance(absl::Seconds(1));
  EXPECT_EQ(CodeOf(old_key.key()), v1::VERIFY_CODE_VALID);
  Restart();
  EXPECT_TRUE(Get(old_key.info().key_id()).used_since_rotation());
  const auto listed = root().Call(v1::ListKeysRequest());
  ASSERT_THAT(listed, IsOk());
  for (const v1::Key& key : listed->keys()) {
    EXPECT_EQ(key.used_since_rotation(), key.key_id() == old_key.info().key_id());
  }
}

TEST_F(RotateKeyTest, ARevokedKeyWaitsForNoGraceAnyMore) {
  const IssuedKey old_key = Issue();
  v1::RotateKeyRequest request = RotationOf(old_key, kDay);
  request.set_grace_starts(v1::GRACE_START_FIRST_USE);
  Rotate(request);
  EXPECT_FALSE(Revoke(old_key.info().key_id()).info().has_pending_grace());
}

TEST_F(RotateKeyTest, TheOldKeysEndIsNeverPutOff) {
  const IssuedKey old_key = IssueWithLife(3 * kDay);
  const v1::RotateKeyResponse rotated = Rotate(old_key, 30 * kDay);
  EXPECT_TRUE(
      MessageDifferencer::Equals(rotated.replaced().expire_time(), old_key.info().expire_time()));
  EXPECT_FALSE(rotated.has_propagation()) << "its life has not become shorter";
}

TEST_F(RotateKeyTest, AShorterLifeIsPropagated) {
  for (const absl::Duration grace : {absl::ZeroDuration(), kDay}) {
    const v1::RotateKeyResponse rotated = Rotate(Issue(), grace);
    EXPECT_EQ(rotated.propagation().outcome(), v1::PROPAGATION_OUTCOME_ALL_ACKED);
    EXPECT_EQ(rotated.propagation().revision(), rotated.replaced().revision());
  }
}

TEST_F(RotateKeyTest, BothKeysChangeAtOneRevision) {
  const IssuedKey old_key = Issue();
  const auto before = Written();
  const v1::RotateKeyResponse rotated = Rotate(old_key, kDay);
  EXPECT_EQ(Written(), std::pair(before.first + 1, before.second + 1));
  EXPECT_EQ(rotated.info().revision(), before.first + 1);
  EXPECT_EQ(rotated.replaced().revision(), before.first + 1);
}

TEST_F(RotateKeyTest, TheNewKeyLivesAsLongAsTheOldOneWasIssuedFor) {
  const IssuedKey old_key = IssueWithLife(90 * kDay);
  server_.clock().Advance(80 * kDay);
  EXPECT_EQ(ToTime(Rotate(old_key, kDay).info().expire_time()), Now() + 90 * kDay);
  EXPECT_FALSE(Rotate(Issue(), kDay).info().has_expire_time());
}

TEST_F(RotateKeyTest, AnEndThatIsSaidCounts) {
  v1::RotateKeyRequest request = RotationOf(IssueWithLife(90 * kDay), kDay);
  SetDuration(5 * kDay, request.mutable_ttl());
  EXPECT_EQ(ToTime(Rotate(request).info().expire_time()), Now() + 5 * kDay);
  request = RotationOf(IssueWithLife(90 * kDay), kDay);
  SetTime(Now() + 6 * kDay, request.mutable_expire_time());
  EXPECT_EQ(ToTime(Rotate(request).info().expire_time()), Now() + 6 * kDay);
}

TEST_F(RotateKeyTest, TheNewKeyObeysTodaysPolicy) {
  MakeProject("shop");
  const IssuedKey long_lived = IssueWithLife(90 * kDay, "shop");
  const IssuedKey endless = Issue("shop");
  v1::RotateKeyRequest too_long = RotationOf(Issue("shop"));
  SetDuration(31 * kDay, too_long.mutable_ttl());
  v1::ProjectPolicy policy;
  SetDuration(30 * kDay, policy.mutable_max_key_ttl());
  SetDuration(10 * kDay, policy.mutable_default_key_ttl());
  SetPolicy("shop", policy);
  EXPECT_EQ(ToTime(Rotate(long_lived, kDay).info().expire_time()), Now() + 30 * kDay);
  EXPECT_EQ(ToTime(Rotate(endless, kDay).info().expire_time()), Now() + 10 * kDay);
  EXPECT_THAT(root().Call(too_long),
              IsError(StatusCode::FAILED_PRECONDITION, "POLICY_VIOLATION", "ttl"));
}

TEST_F(RotateKeyTest, APolicyThatDemandsAnEndWithoutNamingOneWantsItSaid) {
  MakeProject("shop");
  const IssuedKey endless = Issue("shop");
  const IssuedKey open = Issue("shop");
  v1::ProjectPolicy policy;
  policy.set_require_expiry(true);
  SetPolicy("shop", policy);
  EXPECT_THAT(root().Call(RotationOf(endless, kDay)),
              IsError(StatusCode::FAILED_PRECONDITION, "POLICY_VIOLATION", "ttl"));
  v1::RotateKeyRequest said = RotationOf(endless, kDay);
  SetDuration(kDay, said.mutable_ttl());
  EXPECT_EQ(ToTime(Rotate(said).info().expire_time()), Now() + kDay);

  policy.set_require_expiry(false);
  policy.set_allowed_cidrs_required(true);
  SetPolicy("shop", policy);
  EXPECT_THAT(root().Call(RotationOf(open, kDay)),
              IsError(StatusCode::FAILED_PRECONDITION, "POLICY_VIOLATION", "allowed_cidrs"));
}

TEST_F(RotateKeyTest, ADefaultLifeIsNotForcedOnWhatNeverExpired) {
  MakeProject("shop");
  const IssuedKey endless = Issue("shop");
  v1::ProjectPolicy policy;
  SetDuration(10 * kDay, policy.mutable_default_key_ttl());
  SetPolicy("shop", policy);
  EXPECT_FALSE(Rotate(endless, kDay).info().has_expire_time());
}

TEST_F(RotateKeyTest, TheNewKeyMustBeWithinTodaysCatalog) {
  MakeProject("shop", {"orders:*", "stock:read"});
  const IssuedKey key = Issue("shop", {"orders:read", "stock:read"});
  v1::UpdateProjectRequest request;
  request.mutable_project()->set_project_id("shop");
  request.mutable_project()->add_scope_catalog("orders:*");
  request.mutable_update_mask()->add_paths("scope_catalog");
  ASSERT_THAT(root().Call(request), IsOk());
  const auto before = Written();
  const auto refused = root().Call(RotationOf(key, kDay));
  EXPECT_THAT(refused, IsError(StatusCode::FAILED_PRECONDITION, "SCOPE_NOT_IN_CATALOG"));
  EXPECT_THAT(refused.status.error_message(), HasSubstr("UpdateScopes"));
  EXPECT_EQ(Written(), before);
  v1::UpdateScopesRequest narrow;
  narrow.set_key_id(key.info().key_id());
  narrow.add_remove("stock:read");
  ASSERT_THAT(root().Call(narrow), IsOk());
  EXPECT_THAT(Rotate(key, kDay).info().scopes(), ElementsAre("orders:read"));
}

TEST_F(RotateKeyTest, TheNewKeyBeginsAsTheProjectsKeysDoToday) {
  MakeProject("shop");
  const IssuedKey key = Issue("shop");
  v1::UpdateProjectRequest request;
  request.mutable_project()->set_project_id("shop");
  request.mutable_project()->set_key_prefix("shp");
  request.mutable_update_mask()->add_paths("key_prefix");
  ASSERT_THAT(root().Call(request), IsOk());
  EXPECT_THAT(Rotate(key, kDay).key(), testing::StartsWith("shp_live_"));
}

TEST_F(RotateKeyTest, RevokedDisabledAndRotatedKeysAreRefused) {
  const IssuedKey revoked = Issue();
  Revoke(revoked.info().key_id());
  const IssuedKey disabled = Issue();
  Disable(disabled.info().key_id());
  const IssuedKey rotated = Issue();
  const std::string successor = Rotate(rotated, kDay).info().key_id();
  const auto before = Written();
  EXPECT_THAT(root().Call(RotationOf(revoked)),
              IsError(StatusCode::FAILED_PRECONDITION, "KEY_REVOKED"));
  EXPECT_THAT(root().Call(RotationOf(disabled)),
              IsError(StatusCode::FAILED_PRECONDITION, "KEY_DISABLED"));
  const auto again = root().Call(RotationOf(rotated));
  EXPECT_THAT(again, IsError(StatusCode::FAILED_PRECONDITION, "KEY_ROTATED"));
  EXPECT_EQ(ErrorOf(again.status).resource_name, successor);
  EXPECT_THAT(again.status.error_message(), HasSubstr(successor));
  EXPECT_EQ(Written(), before);
}

TEST_F(RotateKeyTest, AnExpiredKeyIsReplacedAndStaysExpired) {
  const IssuedKey old_key = IssueWithLife(kDay);
  server_.clock().Advance(2 * kDay);
  const v1::RotateKeyResponse rotated = Rotate(old_key, kDay);
  EXPECT_EQ(rotated.replaced().state(), v1::KEY_STATE_EXPIRED);
  EXPECT_EQ(ToTime(rotated.info().expire_time()), Now() + kDay);
  EXPECT_EQ(CodeOf(rotated.key()), v1::VERIFY_CODE_VALID);
  EXPECT_EQ(CodeOf(old_key.key()), v1::VERIFY_CODE_EXPIRED);
}

TEST_F(RotateKeyTest, ASuccessorIsRotatedInItsTurn) {
  const IssuedKey first = Issue();
  const v1::RotateKeyResponse second = Rotate(first, kDay);
  v1::RotateKeyRequest request;
  request.set_key_id(second.info().key_id());
  const v1::RotateKeyResponse third = Rotate(request);
  EXPECT_EQ(third.info().rotated_from(), second.info().key_id());
  EXPECT_THAT(third.info().rotated_to(), IsEmpty());
  EXPECT_EQ(third.replaced().rotated_from(), first.info().key_id());
  EXPECT_EQ(third.replaced().rotated_to(), third.info().key_id());
  EXPECT_EQ(CodeOf(first.key()), v1::VERIFY_CODE_VALID) << "its grace goes on";
}

TEST_F(RotateKeyTest, ATrialAnswersWhatWouldBeAndChangesNothing) {
  const IssuedKey old_key = Issue("default", {"x"});
  v1::RotateKeyRequest request = RotationOf(old_key, kDay);
  request.set_validate_only(true);
  const auto before = Written();
  const v1::RotateKeyResponse trial = Rotate(request);
  EXPECT_EQ(Written(), before);
  EXPECT_THAT(trial.key(), IsEmpty());
  EXPECT_THAT(trial.info().key_id(), IsEmpty());
  EXPECT_THAT(trial.info().masked_key(), IsEmpty());
  EXPECT_THAT(trial.info().scopes(), ElementsAre("x"));
  EXPECT_THAT(trial.replaced().rotated_to(), IsEmpty());
  EXPECT_EQ(ToTime(trial.replaced().expire_time()), Now() + kDay);
  EXPECT_FALSE(trial.has_propagation());
  EXPECT_TRUE(MessageDifferencer::Equals(Get(old_key.info().key_id()), old_key.info()));
}

TEST_F(RotateKeyTest, AStaleRevisionIsRefused) {
  const IssuedKey old_key = Issue();
  v1::RotateKeyRequest request = RotationOf(old_key, kDay);
  request.set_if_revision(old_key.info().revision() + 1);
  EXPECT_THAT(root().Call(request), IsError(StatusCode::ABORTED, "STALE_REVISION"));
  request.set_if_revision(old_key.info().revision());
  EXPECT_THAT(root().Call(request), IsOk());
}

TEST_F(RotateKeyTest, AManagementKeyKeepsItsPowersAndItsBinding) {
  MakeProject("aaa");
  const IssuedKey old_key = IssueManagementKey({"keys.read", "keys.verify"}, {"aaa"});
  const v1::RotateKeyResponse rotated = Rotate(old_key, absl::ZeroDuration());
  EXPECT_THAT(rotated.info().scopes(), ElementsAre("keys.read", "keys.verify"));
  EXPECT_THAT(rotated.info().bound_project_ids(), ElementsAre("aaa"));
  EXPECT_THAT(server_.As(rotated.key()).Call(v1::ListKeysRequest()), IsOk());
  EXPECT_THAT(server_.As(old_key.key()).Call(v1::ListKeysRequest()),
              IsError(StatusCode::UNAUTHENTICATED, "CREDENTIAL_INVALID"));
}

TEST_F(RotateKeyTest, NobodyRotatesAKeyThatMayMoreThanThey) {
  const IssuedKey powerful = IssueManagementKey({"keys.issue", "keys.revoke"});
  const IssuedKey unbound = IssueManagementKey({"keys.issue"});
  MakeProject("aaa");
  const TestCaller issuer = Manager({"keys.issue"});
  const TestCaller bound = Manager({"keys.issue", "keys.revoke"}, {"aaa", "claviger"});
  const auto before = Written();
  EXPECT_THAT(issuer.Call(RotationOf(powerful)),
              IsError(StatusCode::PERMISSION_DENIED, "PRIVILEGE_ESCALATION"));
  EXPECT_THAT(bound.Call(RotationOf(unbound)),
              IsError(StatusCode::PERMISSION_DENIED, "PRIVILEGE_ESCALATION"));
  EXPECT_EQ(Written(), before);
  EXPECT_THAT(issuer.Call(RotationOf(unbound)), IsOk());
}

TEST_F(RotateKeyTest, ACallerMayRotateItsOwnKeyAway) {
  const IssuedKey own = IssueManagementKey({"keys.issue"});
  const auto rotated = server_.As(own.key()).Call(RotationOf(own));
  ASSERT_THAT(rotated, IsOk());
  EXPECT_THAT(rotated->key(), Not(IsEmpty()));
  EXPECT_EQ(rotated->info().created_by(), "key:" + own.info().key_id());
  EXPECT_THAT(server_.As(rotated->key()).Call(NewKey()), IsOk());
}

}  // namespace
}  // namespace claviger
