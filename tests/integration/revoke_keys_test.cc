// Many keys revoked by one call.

#include <future>

#include "fmt/format.h"
#include "tests/integration/server_test.h"
#include "tests/support/test_verifier.h"

namespace claviger {
namespace {

using ::testing::UnorderedElementsAre;

constexpr char kNoKey[] = "00nosuchkey00000";

class RevokeKeysTest : public ServerTest {
 protected:
  IssuedKey IssueFor(const std::string& owner, const std::string& project = "default") {
    v1::IssueKeyRequest request = NewKey(project);
    request.set_owner(owner);
    return Issue(request);
  }
  static v1::RevokeKeysRequest ByOwner(const std::string& owner) {
    v1::RevokeKeysRequest request;
    request.mutable_filter()->set_owner(owner);
    return request;
  }
  v1::RevokeKeysResponse RevokeMany(const v1::RevokeKeysRequest& request) {
    const auto answer = root().Call(request);
    EXPECT_THAT(answer, IsOk());
    return *answer;
  }
};

TEST_F(RevokeKeysTest, AFilterMeansWhatItMeansInAList) {
  const IssuedKey first = IssueFor("bob");
  MakeProject("shop");
  const IssuedKey second = IssueFor("bob", "shop");
  const IssuedKey other = IssueFor("alice");
  const uint64_t before = Written().first;
  v1::RevokeKeysRequest request = ByOwner("bob");
  request.set_reason(v1::REVOKE_REASON_OWNER_LEFT);
  request.set_note("left in May");
  request.set_validate_only(true);
  const v1::RevokeKeysResponse counted = RevokeMany(request);
  EXPECT_EQ(counted.revoked_count(), 2);
  EXPECT_FALSE(counted.has_propagation());
  EXPECT_EQ(Written().first, before);

  request.set_validate_only(false);
  const v1::RevokeKeysResponse answer = RevokeMany(request);
  EXPECT_EQ(answer.matched_count(), 2);
  EXPECT_EQ(answer.revoked_count(), 2);
  EXPECT_EQ(answer.already_revoked_count(), 0);
  EXPECT_EQ(answer.failed_count(), 0);
  EXPECT_THAT(ToStrings(answer.sample_key_ids()),
              UnorderedElementsAre(first.info().key_id(), second.info().key_id()));
  EXPECT_EQ(answer.propagation().outcome(), v1::PROPAGATION_OUTCOME_ALL_ACKED);
  EXPECT_EQ(answer.propagation().revision(), before + 2) << "each key is a change of its own";
  EXPECT_EQ(CodeOf(first.key()), v1::VERIFY_CODE_REVOKED);
  EXPECT_EQ(CodeOf(second.key()), v1::VERIFY_CODE_REVOKED);
  EXPECT_EQ(CodeOf(other.key()), v1::VERIFY_CODE_VALID);
  const v1::Key key = Get(first.info().key_id());
  EXPECT_EQ(key.revoke_reason(), v1::REVOKE_REASON_OWNER_LEFT);
  EXPECT_EQ(key.revoke_note(), "left in May");
}

TEST_F(RevokeKeysTest, KeysRevokedBeforeAreCountedAndWaitedFor) {
  const IssuedKey first = IssueFor("bob");
  IssueFor("bob");
  Revoke(first.info().key_id());
  EXPECT_EQ(RevokeMany(ByOwner("bob")).already_revoked_count(), 1);
  const auto before = Written();
  const v1::RevokeKeysResponse again = RevokeMany(ByOwner("bob"));
  EXPECT_EQ(again.revoked_count(), 0);
  EXPECT_EQ(again.already_revoked_count(), 2);
  EXPECT_EQ(again.propagation().revision(), before.first);
  EXPECT_EQ(Written(), before);
}

TEST_F(RevokeKeysTest, WhatIsNotThereFailsAloneAndTheRestGoesOn) {
  MakeProject("shop");
  const IssuedKey inside = Issue("shop");
  const IssuedKey outside = Issue();
  const TestCaller bound = Manager({"keys.revoke"}, {"shop"});
  v1::RevokeKeysRequest request;
  request.add_key_ids(kNoKey);
  request.add_key_ids(outside.info().key_id());
  request.add_key_ids(inside.info().key_id());
  request.add_key_ids(inside.info().key_id());
  for (const bool validate_only : {true, false}) {
    request.set_validate_only(validate_only);
    const auto answer = bound.Call(request);
    ASSERT_THAT(answer, IsOk());
    EXPECT_EQ(answer->matched_count(), 3) << "one was named twice";
    EXPECT_EQ(answer->revoked_count(), 1);
    ASSERT_EQ(answer->failed_count(), 2);
    // What is out of sight looks like what is not there.
    for (const v1::RevokeKeysFailure& failure : answer->failures()) {
      EXPECT_EQ(failure.reason(), "KEY_NOT_FOUND");
      EXPECT_EQ(failure.message(), "key_id: there is no key " + failure.key_id());
    }
  }
  EXPECT_EQ(CodeOf(inside.key()), v1::VERIFY_CODE_REVOKED);
  EXPECT_EQ(CodeOf(outside.key()), v1::VERIFY_CODE_VALID);
}

TEST_F(RevokeKeysTest, ABoundCallerReachesItsOwnProjectsOnly) {
  MakeProject("shop");
  const IssuedKey inside = IssueFor("bob", "shop");
  const IssuedKey outside = IssueFor("bob");
  const TestCaller bound = Manager({"keys.revoke"}, {"shop"});
  EXPECT_EQ(bound.Call(ByOwner("bob"))->matched_count(), 1);
  EXPECT_EQ(CodeOf(outside.key()), v1::VERIFY_CODE_VALID);
  v1::RevokeKeysRequest foreign;
  foreign.mutable_filter()->add_project_ids("default");
  EXPECT_EQ(bound.Call(foreign)->matched_count(), 0);
  EXPECT_THAT(Manager({"keys.read", "keys.update"}).Call(ByOwner("bob")),
              IsError(StatusCode::PERMISSION_DENIED, "PERMISSION_DENIED"));
}

TEST_F(RevokeKeysTest, ManagementKeysAreMeantOnlyWhenTheirProjectIsNamed) {
  v1::IssueKeyRequest issue = NewKey("claviger", {"keys.read"});
  issue.set_owner("bob");
  const IssuedKey manager = Issue(issue);
  EXPECT_EQ(RevokeMany(ByOwner("bob")).matched_count(), 0);
  v1::RevokeKeysRequest named = ByOwner("bob");
  named.mutable_filter()->add_project_ids("claviger");
  EXPECT_EQ(RevokeMany(named).revoked_count(), 1);
  EXPECT_EQ(Get(manager.info().key_id()).state(), v1::KEY_STATE_REVOKED);
}

TEST_F(RevokeKeysTest, DeletedKeysAreMeantOnlyWhenNamed) {
  const IssuedKey key = IssueFor("bob");
  v1::DeleteKeyRequest remove;
  remove.set_key_id(key.info().key_id());
  ASSERT_THAT(root().Call(remove), IsOk());
  EXPECT_EQ(RevokeMany(ByOwner("bob")).matched_count(), 0);
  v1::RevokeKeysRequest named = ByOwner("bob");
  named.mutable_filter()->add_states(v1::KEY_STATE_DELETED);
  EXPECT_EQ(RevokeMany(named).already_revoked_count(), 1);
}

TEST_F(RevokeKeysTest, MoreThanAllowedChangesNothing) {
  const IssuedKey first = IssueFor("bob");
  const IssuedKey second = IssueFor("bob");
  v1::RevokeKeysRequest request = ByOwner("bob");
  request.set_max_keys(1);
  const auto before = Written();
  EXPECT_THAT(root().Call(request),
              IsError(StatusCode::FAILED_PRECONDITION, "TOO_MANY_KEYS", "max_keys"));
  v1::RevokeKeysRequest by_ids;
  by_ids.add_key_ids(first.info().key_id());
  by_ids.add_key_ids(second.info().key_id());
  by_ids.set_max_keys(1);
  EXPECT_THAT(root().Call(by_ids),
              IsError(StatusCode::FAILED_PRECONDITION, "TOO_MANY_KEYS", "max_keys"));
  EXPECT_EQ(Written(), before);
  request.set_max_keys(2);
  EXPECT_EQ(RevokeMany(request).revoked_count(), 2);
}

// A retry has the bound of the first try, which may have revoked some, or all.
TEST_F(RevokeKeysTest, KeysRevokedBeforeDoNotCountTowardsTheBound) {
  const IssuedKey first = IssueFor("bob");
  const IssuedKey second = IssueFor("bob");
  Revoke(first.info().key_id());
  Revoke(second.info().key_id());
  const IssuedKey third = IssueFor("bob");
  v1::RevokeKeysRequest request = ByOwner("bob");
  v1::RevokeKeysRequest by_ids;
  for (const IssuedKey& key : {first, second, third}) by_ids.add_key_ids(key.info().key_id());
  for (v1::RevokeKeysRequest* const each : {&by_ids, &request}) {
    each->set_max_keys(1);
    each->set_validate_only(true);
    const v1::RevokeKeysResponse counted = RevokeMany(*each);
    EXPECT_EQ(counted.matched_count(), 3);
    EXPECT_EQ(counted.revoked_count(), 1);
    EXPECT_EQ(counted.already_revoked_count(), 2);
    each->set_validate_only(false);
  }
  const v1::RevokeKeysResponse revoked = RevokeMany(request);
  EXPECT_EQ(revoked.revoked_count(), 1);
  EXPECT_EQ(revoked.already_revoked_count(), 2);
  const uint64_t last = Written().first;
  EXPECT_EQ(revoked.propagation().revision(), last);
  for (const v1::RevokeKeysRequest& each : {by_ids, request}) {
    const v1::RevokeKeysResponse again = RevokeMany(each);
    EXPECT_EQ(again.already_revoked_count(), 3);
    EXPECT_EQ(again.propagation().revision(), last) << "what the first try revoked is waited for";
  }
}

// It counted the key as one that would be revoked.
TEST_F(RevokeKeysTest, ADryRunNamesTheKeyThatWouldBeRefusedAsTheLastAdministrators) {
  const IssuedKey reader = IssueManagementKey({"keys.read"});
  const IssuedKey other = IssueManagementKey({"settings.manage"});
  v1::RevokeKeysRequest by_ids;
  by_ids.add_key_ids(reader.info().key_id());
  by_ids.add_key_ids(other.info().key_id());
  by_ids.add_key_ids(server_.root_key().substr(9, 16));
  v1::RevokeKeysRequest by_filter;
  by_filter.mutable_filter()->add_project_ids("claviger");
  const auto before = Written();
  for (v1::RevokeKeysRequest* const request : {&by_ids, &by_filter}) {
    request->set_validate_only(true);
    const v1::RevokeKeysResponse told = RevokeMany(*request);
    EXPECT_EQ(told.matched_count(), 3);
    EXPECT_EQ(told.revoked_count(), 2);
    ASSERT_EQ(told.failed_count(), 1);
    EXPECT_EQ(told.failures(0).reason(), "LAST_ADMIN_KEY");
    request->set_validate_only(false);
  }
  EXPECT_EQ(Written(), before);

  by_ids.set_validate_only(true);
  const v1::RevokeKeysResponse told = RevokeMany(by_ids);
  by_ids.set_validate_only(false);
  const v1::RevokeKeysResponse done = RevokeMany(by_ids);
  EXPECT_EQ(done.revoked_count(), told.revoked_count());
  ASSERT_EQ(done.failures_size(), 1);
  EXPECT_EQ(done.failures(0).SerializeAsString(), told.failures(0).SerializeAsString());
  EXPECT_EQ(ToStrings(done.sample_key_ids()), ToStrings(told.sample_key_ids()));
}

TEST_F(RevokeKeysTest, WhatSaysNothingOrTooMuchIsRefused) {
  EXPECT_THAT(root().Call(v1::RevokeKeysRequest()),
              IsError(StatusCode::INVALID_ARGUMENT, "FIELD_REQUIRED", "filter"));
  v1::RevokeKeysRequest request;
  request.mutable_filter();
  EXPECT_THAT(root().Call(request),
              IsError(StatusCode::INVALID_ARGUMENT, "FIELD_REQUIRED", "filter"));
  request.add_key_ids(kNoKey);
  EXPECT_THAT(root().Call(request),
              IsError(StatusCode::INVALID_ARGUMENT, "FIELD_CONFLICT", "filter"));
  request.clear_filter();
  request.set_key_ids(0, "x");
  EXPECT_THAT(root().Call(request),
              IsError(StatusCode::INVALID_ARGUMENT, "FIELD_INVALID", "key_ids[0]"));
  request.clear_key_ids();
  for (int i = 0; i < 3001; ++i) request.add_key_ids(fmt::format("00{:014}", i));
  EXPECT_THAT(root().Call(request),
              IsError(StatusCode::INVALID_ARGUMENT, "FIELD_INVALID", "key_ids"));
  request.mutable_key_ids()->RemoveLast();
  EXPECT_EQ(RevokeMany(request).failed_count(), 3000);
  for (const int64_t max_keys : {int64_t{-1}, int64_t{1'000'001}}) {
    v1::RevokeKeysRequest bad = ByOwner("bob");
    bad.set_max_keys(max_keys);
    EXPECT_THAT(root().Call(bad),
                IsError(StatusCode::INVALID_ARGUMENT, "FIELD_INVALID", "max_keys"));
  }
  v1::RevokeKeysRequest states;
  states.mutable_filter()->add_states(v1::KEY_STATE_UNSPECIFIED);
  EXPECT_THAT(root().Call(states),
              IsError(StatusCode::INVALID_ARGUMENT, "FIELD_INVALID", "filter.states[0]"));
}

TEST_F(RevokeKeysTest, OneWaitCoversThemAll) {
  for (int i = 0; i < 300; ++i) IssueFor("bob");
  TestVerifier verifier(server_.NewChannel(grpc::InsecureChannelCredentials()), server_.root_key());
  const auto welcome = verifier.SayHello();
  ASSERT_TRUE(welcome.has_value());
  ASSERT_TRUE(verifier.GetLease(welcome->head_revision()));
  auto revoked =
      std::async(std::launch::async, [&, caller = root()] { return caller.Call(ByOwner("bob")); });
  // Acknowledges whatever it is told until the call has its answer.
  size_t keys = 0;
  uint64_t position = welcome->head_revision();
  while (position < welcome->head_revision() + 300) {
    const auto response = verifier.Read();
    ASSERT_TRUE(response.has_value());
    if (!response->has_invalidation()) continue;
    keys += static_cast<size_t>(response->invalidation().items_size());
    position = response->invalidation().to_revision();
    ASSERT_TRUE(verifier.Beat(position));
  }
  const auto answer = revoked.get();
  ASSERT_THAT(answer, IsOk());
  EXPECT_EQ(answer->revoked_count(), 300);
  EXPECT_EQ(answer->propagation().outcome(), v1::PROPAGATION_OUTCOME_ALL_ACKED);
  EXPECT_EQ(answer->propagation().acked_sessions(), 1);
  EXPECT_EQ(answer->propagation().revision(), position);
  EXPECT_EQ(keys, 300u);
}

TEST_F(RevokeKeysTest, AVerifierThatDoesNotAnswerMakesItPendingAndNotOk) {
  const IssuedKey key = IssueFor("bob");
  TestVerifier verifier(server_.NewChannel(grpc::InsecureChannelCredentials()), server_.root_key());
  const auto welcome = verifier.SayHello();
  ASSERT_TRUE(welcome.has_value());
  ASSERT_TRUE(verifier.GetLease(welcome->head_revision()));
  v1::RevokeKeysRequest request = ByOwner("bob");
  request.set_propagation(v1::PROPAGATION_MODE_COMMIT);
  const v1::RevokeKeysResponse answer = RevokeMany(request);
  EXPECT_EQ(answer.propagation().outcome(), v1::PROPAGATION_OUTCOME_PENDING);
  EXPECT_EQ(answer.propagation().pending_sessions(), 1);
  EXPECT_EQ(CodeOf(key.key()), v1::VERIFY_CODE_REVOKED);
}

}  // namespace
}  // namespace claviger
