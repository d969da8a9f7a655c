// UpdateKey: what changes, what is waited for, and what stays.

#include "google/protobuf/util/message_differencer.h"
#include "tests/integration/every_call.h"

namespace claviger {
namespace {

using ::google::protobuf::util::MessageDifferencer;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr absl::Duration kDay = absl::Hours(24);

class UpdateKeyTest : public ServerTest {
 protected:
  void SetUp() override { issued_ = Issue(); }

  // A change of the key of `SetUp`, or of `key_id`.
  v1::UpdateKeyRequest ChangeOf(const Strings& paths, const std::string& key_id = "") {
    v1::UpdateKeyRequest request;
    request.mutable_key()->set_key_id(key_id.empty() ? issued_.info().key_id() : key_id);
    for (const std::string& path : paths) request.mutable_update_mask()->add_paths(path);
    return request;
  }
  v1::UpdateKeyResponse Update(const v1::UpdateKeyRequest& request) {
    const auto outcome = root().Call(request);
    EXPECT_THAT(outcome, IsOk());
    return *outcome;
  }
  v1::UpdateKeyResponse SetExpiry(std::optional<absl::Time> end) {
    v1::UpdateKeyRequest request = ChangeOf({"expire_time"});
    if (end.has_value()) SetTime(*end, request.mutable_key()->mutable_expire_time());
    return Update(request);
  }
  v1::UpdateKeyResponse SetCidrs(const Strings& cidrs) {
    v1::UpdateKeyRequest request = ChangeOf({"allowed_cidrs"});
    for (const std::string& cidr : cidrs) request.mutable_key()->add_allowed_cidrs(cidr);
    return Update(request);
  }
  void SetPolicy(const std::string& project_id, const v1::ProjectPolicy& policy) {
    v1::UpdateProjectRequest request;
    request.mutable_project()->set_project_id(project_id);
    *request.mutable_project()->mutable_policy() = policy;
    request.mutable_update_mask()->add_paths("policy");
    ASSERT_THAT(root().Call(request), IsOk());
  }
  absl::Time Now() { return server_.clock().Now(); }

  IssuedKey issued_;
};

TEST_F(UpdateKeyTest, EveryAttributeOfTheMaskIsChanged) {
  server_.clock().Advance(absl::Hours(1));
  v1::UpdateKeyRequest request = ChangeOf({"display_name", "description", "labels", "metadata",
                                           "owner", "allowed_cidrs", "expire_time"});
  v1::Key& key = *request.mutable_key();
  key.set_display_name("another name");
  key.set_description("why");
  (*key.mutable_labels())["team"] = "payments";
  (*key.mutable_metadata()->mutable_fields())["plan"].set_string_value("pro");
  key.set_owner("alice");
  key.add_allowed_cidrs("10.0.0.0/8");
  SetTime(Now() + kDay, key.mutable_expire_time());
  const v1::UpdateKeyResponse updated = Update(request);

  v1::Key expected = issued_.info();
  expected.set_display_name("another name");
  expected.set_description("why");
  *expected.mutable_labels() = key.labels();
  *expected.mutable_metadata() = key.metadata();
  expected.set_owner("alice");
  expected.add_allowed_cidrs("10.0.0.0/8");
  *expected.mutable_expire_time() = key.expire_time();
  SetTime(Now(), expected.mutable_update_time());
  expected.set_revision(updated.info().revision());
  EXPECT_TRUE(MessageDifferencer::Equals(updated.info(), expected)) << updated.DebugString();
  EXPECT_GT(updated.info().revision(), issued_.info().revision());
  EXPECT_TRUE(MessageDifferencer::Equals(Get(issued_.info().key_id()), expected));
}

TEST_F(UpdateKeyTest, WhatTheMaskDoesNotNameStays) {
  v1::UpdateKeyRequest request = ChangeOf({"owner"});
  request.mutable_key()->set_owner("alice");
  request.mutable_key()->set_display_name("not asked for");
  request.mutable_key()->set_description(std::string(2000, 'x'));
  request.mutable_key()->add_scopes("everything");
  const v1::UpdateKeyResponse updated = Update(request);
  EXPECT_EQ(updated.info().owner(), "alice");
  EXPECT_EQ(updated.info().display_name(), "a key");
  EXPECT_THAT(updated.info().description(), IsEmpty());
  EXPECT_THAT(updated.info().scopes(), IsEmpty());
}

TEST_F(UpdateKeyTest, WhatIsNamedAndUnsetIsCleared) {
  v1::IssueKeyRequest full = NewKey();
  full.set_description("why");
  full.set_owner("alice");
  (*full.mutable_labels())["team"] = "payments";
  (*full.mutable_metadata()->mutable_fields())["plan"].set_string_value("pro");
  full.add_allowed_cidrs("10.0.0.0/8");
  SetDuration(kDay, full.mutable_ttl());
  const v1::Key cleared = Update(ChangeOf({"description", "labels", "metadata", "owner",
                                           "allowed_cidrs", "expire_time"},
                                          Issue(full).info().key_id()))
                              .info();
  EXPECT_THAT(cleared.description(), IsEmpty());
  EXPECT_THAT(cleared.owner(), IsEmpty());
  EXPECT_THAT(cleared.labels(), IsEmpty());
  EXPECT_FALSE(cleared.has_metadata());
  EXPECT_THAT(cleared.allowed_cidrs(), IsEmpty());
  EXPECT_FALSE(cleared.has_expire_time());
}

TEST_F(UpdateKeyTest, ASoonerEndIsPropagatedAndALaterOneIsNot) {
  EXPECT_TRUE(SetExpiry(Now() + 10 * kDay).has_propagation()) << "from never";
  EXPECT_FALSE(SetExpiry(Now() + 20 * kDay).has_propagation());
  const absl::Time end = Now() + 19 * kDay;
  EXPECT_TRUE(SetExpiry(end).has_propagation());
  EXPECT_TRUE(SetExpiry(end).has_propagation()) << "asked again, perhaps for want of an answer";
  EXPECT_FALSE(SetExpiry(std::nullopt).has_propagation());
}

TEST_F(UpdateKeyTest, FewerAddressesArePropagatedAndMoreAreNot) {
  const v1::UpdateKeyResponse limited = SetCidrs({"10.0.0.0/8", "2001:db8::/32"});
  EXPECT_EQ(limited.propagation().outcome(), v1::PROPAGATION_OUTCOME_ALL_ACKED) << "from all";
  EXPECT_EQ(limited.propagation().revision(), limited.info().revision());
  EXPECT_FALSE(SetCidrs({"10.0.0.0/7", "2001:db8::/32", "192.0.2.0/24"}).has_propagation());
  EXPECT_TRUE(SetCidrs({"192.0.2.0/24", "10.0.0.0/7", "2001:db8::/32"}).has_propagation())
      << "asked again, perhaps for want of an answer";
  EXPECT_TRUE(SetCidrs({"10.0.0.0/8", "192.0.2.0/24", "2001:db8::/32"}).has_propagation());
  EXPECT_TRUE(SetCidrs({"198.51.100.0/24"}).has_propagation()) << "other ones";
  EXPECT_FALSE(SetCidrs({}).has_propagation()) << "all again";
  EXPECT_TRUE(SetCidrs({"0.0.0.0/0"}).has_propagation()) << "not the other family";
}

TEST_F(UpdateKeyTest, ANarrowingHoldsAtOnce) {
  v1::VerifyRequest check = CheckOf(issued_.key());
  check.set_client_ip("192.0.2.1");
  EXPECT_EQ(Verify(check).code(), v1::VERIFY_CODE_VALID);
  SetCidrs({"10.0.0.0/8"});
  EXPECT_EQ(Verify(check).code(), v1::VERIFY_CODE_ADDRESS_NOT_ALLOWED);
  SetCidrs({});
  EXPECT_EQ(Verify(check).code(), v1::VERIFY_CODE_VALID);
}

TEST_F(UpdateKeyTest, AnExpiredKeyVerifiesAgainWithALaterEnd) {
  SetExpiry(Now() + kDay);
  server_.clock().Advance(2 * kDay);
  EXPECT_EQ(CodeOf(issued_.key()), v1::VERIFY_CODE_EXPIRED);
  EXPECT_EQ(SetExpiry(Now() + kDay).info().state(), v1::KEY_STATE_ACTIVE);
  EXPECT_EQ(CodeOf(issued_.key()), v1::VERIFY_CODE_VALID);
}

TEST_F(UpdateKeyTest, NamesAndLabelsWaitForNobody) {
  v1::UpdateKeyRequest request = ChangeOf({"display_name", "owner", "labels", "metadata"});
  request.mutable_key()->set_display_name("new");
  request.mutable_key()->set_owner("new");
  (*request.mutable_key()->mutable_labels())["new"] = "new";
  EXPECT_FALSE(Update(request).has_propagation());
}

TEST_F(UpdateKeyTest, TheSameValuesAgainChangeNothing) {
  SetExpiry(Now() + kDay);
  server_.clock().Advance(absl::Hours(1));
  const v1::Key current = Get(issued_.info().key_id());
  v1::UpdateKeyRequest request = ChangeOf({"display_name", "description", "labels", "metadata",
                                           "owner", "allowed_cidrs", "expire_time"});
  *request.mutable_key() = current;
  const auto before = Written();
  const v1::UpdateKeyResponse same = Update(request);
  EXPECT_TRUE(MessageDifferencer::Equals(same.info(), current));
  EXPECT_EQ(same.propagation().revision(), current.revision());
  EXPECT_EQ(Written(), before);
}

TEST_F(UpdateKeyTest, AnEndThatIsPastMayBeRepeatedWithTheRest) {
  SetExpiry(Now() + kDay);
  server_.clock().Advance(2 * kDay);
  v1::UpdateKeyRequest request = ChangeOf({"owner", "expire_time"});
  *request.mutable_key() = Get(issued_.info().key_id());
  request.mutable_key()->set_owner("alice");
  EXPECT_EQ(Update(request).info().owner(), "alice");
}

TEST_F(UpdateKeyTest, ThePolicyHolds) {
  MakeProject("shop");
  v1::IssueKeyRequest issue = NewKey("shop");
  SetDuration(kDay, issue.mutable_ttl());
  issue.add_allowed_cidrs("10.0.0.0/8");
  const std::string id = Issue(issue).info().key_id();
  v1::ProjectPolicy policy;
  SetDuration(10 * kDay, policy.mutable_max_key_ttl());
  policy.set_require_expiry(true);
  policy.set_allowed_cidrs_required(true);
  SetPolicy("shop", policy);
  const absl::Time created = Now();
  server_.clock().Advance(absl::Hours(20));
  const auto before = Written();
  const auto violates = [](const std::string& field) {
    return IsError(StatusCode::FAILED_PRECONDITION, "POLICY_VIOLATION", field);
  };
  EXPECT_THAT(root().Call(ChangeOf({"expire_time"}, id)), violates("key.expire_time"));
  EXPECT_THAT(root().Call(ChangeOf({"allowed_cidrs"}, id)), violates("key.allowed_cidrs"));
  v1::UpdateKeyRequest request = ChangeOf({"expire_time"}, id);
  SetTime(created + 10 * kDay + absl::Nanoseconds(1), request.mutable_key()->mutable_expire_time());
  EXPECT_THAT(root().Call(request), violates("key.expire_time"));
  EXPECT_EQ(Written(), before);
  SetTime(created + 10 * kDay, request.mutable_key()->mutable_expire_time());
  EXPECT_THAT(root().Call(request), IsOk()) << "counted from the creation";
  policy.set_require_expiry(false);
  SetPolicy("shop", policy);
  EXPECT_THAT(root().Call(ChangeOf({"expire_time"}, id)), violates("key.expire_time"))
      << "never is longer than the longest";
}

TEST_F(UpdateKeyTest, APolicyOfLaterDoesNotStandInTheWayOfOtherChanges) {
  MakeProject("shop");
  const std::string id = Issue("shop").info().key_id();
  v1::ProjectPolicy policy;
  policy.set_require_expiry(true);
  policy.set_allowed_cidrs_required(true);
  SetPolicy("shop", policy);
  v1::UpdateKeyRequest request = ChangeOf({"owner"}, id);
  request.mutable_key()->set_owner("alice");
  EXPECT_THAT(root().Call(request), IsOk());
}

TEST_F(UpdateKeyTest, OfARevokedKeyOnlyWhatDecidesNothingChanges) {
  Revoke(issued_.info().key_id());
  v1::UpdateKeyRequest request =
      ChangeOf({"display_name", "description", "labels", "metadata", "owner"});
  request.mutable_key()->set_display_name("the leaked one");
  request.mutable_key()->set_description("see the incident");
  (*request.mutable_key()->mutable_labels())["incident"] = "12";
  const v1::UpdateKeyResponse updated = Update(request);
  EXPECT_EQ(updated.info().display_name(), "the leaked one");
  EXPECT_EQ(updated.info().state(), v1::KEY_STATE_REVOKED);
  const auto before = Written();
  for (const std::string path : {"allowed_cidrs", "expire_time"}) {
    v1::UpdateKeyRequest refused = ChangeOf({"display_name", path});
    refused.mutable_key()->set_display_name("changed");
    EXPECT_THAT(root().Call(refused), IsError(StatusCode::FAILED_PRECONDITION, "KEY_REVOKED"));
  }
  EXPECT_EQ(Written(), before);
}

TEST_F(UpdateKeyTest, ATrialAnswersWhatWouldBeAndChangesNothing) {
  v1::UpdateKeyRequest request = ChangeOf({"allowed_cidrs"});
  request.mutable_key()->add_allowed_cidrs("10.0.0.0/8");
  request.set_validate_only(true);
  const auto before = Written();
  const v1::UpdateKeyResponse trial = Update(request);
  EXPECT_THAT(trial.info().allowed_cidrs(), ElementsAre("10.0.0.0/8"));
  EXPECT_FALSE(trial.has_propagation());
  EXPECT_EQ(Written(), before);
  EXPECT_THAT(Get(issued_.info().key_id()).allowed_cidrs(), IsEmpty());
}

TEST_F(UpdateKeyTest, AStaleRevisionIsRefused) {
  v1::UpdateKeyRequest request = ChangeOf({"owner"});
  request.mutable_key()->set_owner("alice");
  request.set_if_revision(issued_.info().revision());
  EXPECT_THAT(root().Call(request), IsOk());
  request.mutable_key()->set_owner("bob");
  EXPECT_THAT(root().Call(request), IsError(StatusCode::ABORTED, "STALE_REVISION"));
}

TEST_F(UpdateKeyTest, AManagementKeyIsNotWidenedByWhoMayLess) {
  v1::IssueKeyRequest issue = NewKey("claviger", {"keys.update", "keys.revoke"});
  SetDuration(kDay, issue.mutable_ttl());
  issue.add_allowed_cidrs("127.0.0.0/8");
  const std::string id = Issue(issue).info().key_id();
  const TestCaller weaker = Manager({"keys.update"});
  const TestCaller equal = Manager({"keys.update", "keys.revoke"});
  v1::UpdateKeyRequest later = ChangeOf({"expire_time"}, id);
  SetTime(Now() + 2 * kDay, later.mutable_key()->mutable_expire_time());
  v1::UpdateKeyRequest anywhere = ChangeOf({"allowed_cidrs"}, id);
  const auto escalation = IsError(StatusCode::PERMISSION_DENIED, "PRIVILEGE_ESCALATION");
  EXPECT_THAT(weaker.Call(later), escalation);
  EXPECT_THAT(weaker.Call(anywhere), escalation);
  EXPECT_THAT(equal.Call(later), IsOk());
  EXPECT_THAT(equal.Call(anywhere), IsOk());
  v1::UpdateKeyRequest sooner = ChangeOf({"expire_time"}, id);
  SetTime(Now() + kDay, sooner.mutable_key()->mutable_expire_time());
  EXPECT_THAT(weaker.Call(sooner), IsOk()) << "to take away is no escalation";
}

}  // namespace
}  // namespace claviger
