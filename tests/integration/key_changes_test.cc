// Changes of keys: trials, stale revisions, repetitions, and which of them restrict.

#include "google/protobuf/util/message_differencer.h"
#include "tests/integration/every_call.h"

namespace claviger {
namespace {

using ::google::protobuf::util::MessageDifferencer;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

const auto kRevoked = [] { return IsError(StatusCode::FAILED_PRECONDITION, "KEY_REVOKED"); };

class KeyChangesTest : public ServerTest {
 protected:
  void SetUp() override {
    issued_ = Issue("default", {"a:b", "a:c", "d"});
    id_ = issued_.info().key_id();
  }

  template <typename Request>
  Request About() const {
    Request request;
    request.set_key_id(id_);
    return request;
  }

  v1::UpdateScopesResponse Update(const Strings& add, const Strings& remove) {
    v1::UpdateScopesRequest request = About<v1::UpdateScopesRequest>();
    for (const std::string& scope : add) request.add_add(scope);
    for (const std::string& scope : remove) request.add_remove(scope);
    const auto outcome = root().Call(request);
    EXPECT_THAT(outcome, IsOk());
    return *outcome;
  }

  v1::UpdateScopesResponse Replace(const Strings& scopes) {
    v1::UpdateScopesRequest request = About<v1::UpdateScopesRequest>();
    request.mutable_replace_with();
    for (const std::string& scope : scopes) request.mutable_replace_with()->add_scopes(scope);
    const auto outcome = root().Call(request);
    EXPECT_THAT(outcome, IsOk());
    return *outcome;
  }

  IssuedKey issued_;
  std::string id_;
};

TEST_F(KeyChangesTest, ATrialOfAnyCallWritesNothing) {
  MakeProject("empty-one");
  const auto before = Written();
  for (const AnyCall& call : EveryCallAbout(id_, "default", issued_.key())) {
    root().Send(*call.request);
    EXPECT_EQ(Written(), before) << call.name();
  }
  v1::DeleteProjectRequest remove;
  remove.set_project_id("empty-one");
  remove.set_validate_only(true);
  EXPECT_THAT(root().Call(remove), IsOk());
  EXPECT_EQ(Written(), before);
  EXPECT_TRUE(MessageDifferencer::Equals(Get(id_), issued_.info()));
  EXPECT_EQ(CodeOf(issued_.key()), v1::VERIFY_CODE_VALID);
}

TEST_F(KeyChangesTest, ATrialAnswersWhatWouldBe) {
  v1::RevokeKeyRequest revoke = About<v1::RevokeKeyRequest>();
  revoke.set_validate_only(true);
  EXPECT_EQ(root().Call(revoke)->info().state(), v1::KEY_STATE_REVOKED);
  EXPECT_EQ(Get(id_).state(), v1::KEY_STATE_ACTIVE);

  v1::IssueKeyRequest issue = NewKey("default", {"x"});
  issue.set_validate_only(true);
  const IssuedKey would_be = Issue(issue);
  EXPECT_THAT(would_be.key(), IsEmpty());
  EXPECT_THAT(would_be.info().key_id(), IsEmpty());
  EXPECT_THAT(would_be.info().masked_key(), IsEmpty());
  EXPECT_THAT(would_be.info().scopes(), ElementsAre("x"));
}

TEST_F(KeyChangesTest, ATrialDoesNotSayThatItReachedAnybody) {
  v1::RevokeKeyRequest revoke = About<v1::RevokeKeyRequest>();
  revoke.set_validate_only(true);
  EXPECT_FALSE(root().Call(revoke)->has_propagation());
  v1::DisableKeyRequest disable = About<v1::DisableKeyRequest>();
  disable.set_validate_only(true);
  EXPECT_FALSE(root().Call(disable)->has_propagation());
}

TEST_F(KeyChangesTest, ATrialFailsAsTheCallWould) {
  Revoke(id_);
  v1::EnableKeyRequest enable = About<v1::EnableKeyRequest>();
  enable.set_validate_only(true);
  EXPECT_THAT(root().Call(enable), kRevoked());
}

TEST_F(KeyChangesTest, AChangeMovesTheRevisionAndTheOldOneIsStale) {
  v1::DisableKeyRequest request = About<v1::DisableKeyRequest>();
  request.set_if_revision(issued_.info().revision());
  const auto disabled = root().Call(request);
  ASSERT_THAT(disabled, IsOk());
  EXPECT_GT(disabled->info().revision(), issued_.info().revision());
  EXPECT_THAT(root().Call(request), IsError(StatusCode::ABORTED, "STALE_REVISION"));
  request.set_if_revision(disabled->info().revision());
  EXPECT_THAT(root().Call(request), IsOk());
}

TEST_F(KeyChangesTest, RevokingTwiceKeepsTheFirstTimeReasonAndNote) {
  v1::RevokeKeyRequest request = About<v1::RevokeKeyRequest>();
  request.set_reason(v1::REVOKE_REASON_OWNER_LEFT);
  request.set_note("first");
  const auto first = root().Call(request);
  ASSERT_THAT(first, IsOk());
  server_.clock().Advance(absl::Hours(1));
  request.set_reason(v1::REVOKE_REASON_POLICY);
  request.set_note("second");
  const auto before = Written();
  const auto second = root().Call(request);
  ASSERT_THAT(second, IsOk());
  EXPECT_TRUE(MessageDifferencer::Equals(second->info(), first->info()));
  EXPECT_EQ(second->propagation().outcome(), v1::PROPAGATION_OUTCOME_ALL_ACKED);
  EXPECT_GE(second->propagation().revision(), first->info().revision());
  EXPECT_EQ(Written(), before);
}

TEST_F(KeyChangesTest, ARevokedKeyStaysSo) {
  Revoke(id_);
  const auto before = Written();
  EXPECT_THAT(root().Call(About<v1::EnableKeyRequest>()), kRevoked());
  EXPECT_THAT(root().Call(About<v1::DisableKeyRequest>()), kRevoked());
  v1::UpdateScopesRequest scopes = About<v1::UpdateScopesRequest>();
  scopes.add_add("x");
  EXPECT_THAT(root().Call(scopes), kRevoked());
  scopes.clear_add();
  scopes.add_remove("d");
  EXPECT_THAT(root().Call(scopes), kRevoked());
  EXPECT_EQ(Written(), before);
  EXPECT_EQ(ErrorOf(root().Call(scopes).status).resource_name, id_);
}

TEST_F(KeyChangesTest, ADisabledKeyCanBeRevoked) {
  Disable(id_);
  EXPECT_EQ(Revoke(id_).info().state(), v1::KEY_STATE_REVOKED);
  EXPECT_EQ(CodeOf(issued_.key()), v1::VERIFY_CODE_REVOKED);
}

TEST_F(KeyChangesTest, DisablingTwiceIsOkAndChangesNothing) {
  const v1::DisableKeyResponse first = Disable(id_);
  server_.clock().Advance(absl::Hours(1));
  const auto before = Written();
  const v1::DisableKeyResponse second = Disable(id_);
  EXPECT_TRUE(MessageDifferencer::Equals(second.info(), first.info()));
  // Whoever asks again may have had no answer the first time: it is waited for again.
  EXPECT_TRUE(second.has_propagation());
  EXPECT_EQ(Written(), before);
}

TEST_F(KeyChangesTest, EnablingAnEnabledKeyIsOkAndChangesNothing) {
  const auto before = Written();
  const auto enabled = root().Call(About<v1::EnableKeyRequest>());
  ASSERT_THAT(enabled, IsOk());
  EXPECT_TRUE(MessageDifferencer::Equals(enabled->info(), issued_.info()));
  EXPECT_EQ(Written(), before);
}

TEST_F(KeyChangesTest, WhatTakesSomethingAwayIsPropagated) {
  EXPECT_TRUE(Update({}, {"d"}).has_propagation());
  EXPECT_TRUE(Update({"e"}, {"a:b"}).has_propagation());
  EXPECT_TRUE(Replace({"x"}).has_propagation());
  EXPECT_TRUE(Replace({}).has_propagation());
}

TEST_F(KeyChangesTest, WhatWasTakenAwayBeforeIsWaitedForAgain) {
  EXPECT_TRUE(Replace({"x"}).has_propagation());
  const auto before = Written();
  EXPECT_TRUE(Replace({"x"}).has_propagation());
  EXPECT_TRUE(Update({}, {"d"}).has_propagation());
  EXPECT_EQ(Written(), before);
}

TEST_F(KeyChangesTest, WhatOnlyGivesIsNotPropagated) {
  EXPECT_FALSE(Update({"e"}, {}).has_propagation());
  EXPECT_FALSE(Update({"f"}, {"nothing"}).has_propagation());
  EXPECT_FALSE(Replace({"a:*", "d", "e", "f"}).has_propagation());
}

TEST_F(KeyChangesTest, AScopeUnderAWildcardThatStaysIsNoLoss) {
  Update({"a:*"}, {});
  EXPECT_FALSE(Update({}, {"a:b"}).has_propagation());
  EXPECT_TRUE(Update({}, {"a:*"}).has_propagation());
}

TEST_F(KeyChangesTest, AddedAndRemovedNameWhatChanged) {
  const v1::UpdateScopesResponse answer = Update({"d", "e"}, {"a:b", "nothing"});
  EXPECT_THAT(answer.added(), ElementsAre("e"));
  EXPECT_THAT(answer.removed(), ElementsAre("a:b"));
  EXPECT_THAT(answer.info().scopes(), ElementsAre("a:c", "d", "e"));
  const v1::UpdateScopesResponse replaced = Replace({"e", "f", "f"});
  EXPECT_THAT(replaced.added(), ElementsAre("f"));
  EXPECT_THAT(replaced.removed(), ElementsAre("a:c", "d"));
  EXPECT_THAT(replaced.info().scopes(), ElementsAre("e", "f"));
}

TEST_F(KeyChangesTest, TheSameScopesAgainChangeNothing) {
  const auto before = Written();
  const v1::UpdateScopesResponse answer = Replace({"d", "a:c", "a:b"});
  EXPECT_TRUE(MessageDifferencer::Equals(answer.info(), issued_.info()));
  EXPECT_EQ(answer.propagation().revision(), issued_.info().revision());
  EXPECT_EQ(Written(), before);
}

TEST_F(KeyChangesTest, WideningHoldsAtOnce) {
  EXPECT_EQ(Verify(CheckOf(issued_.key(), {"e"})).code(), v1::VERIFY_CODE_INSUFFICIENT_SCOPE);
  Update({"e"}, {});
  EXPECT_EQ(Verify(CheckOf(issued_.key(), {"e"})).code(), v1::VERIFY_CODE_VALID);
}

TEST_F(KeyChangesTest, AnExpiredKeyCanBeChangedAndStaysExpired) {
  v1::IssueKeyRequest request = NewKey("default", {"a"});
  SetDuration(absl::Hours(1), request.mutable_ttl());
  const IssuedKey key = Issue(request);
  server_.clock().Advance(absl::Hours(1));
  EXPECT_EQ(Disable(key.info().key_id()).info().state(), v1::KEY_STATE_EXPIRED);
  EXPECT_EQ(Revoke(key.info().key_id()).info().state(), v1::KEY_STATE_REVOKED);
}

TEST_F(KeyChangesTest, WithPropagationCommitTheChangeHoldsToo) {
  v1::RevokeKeyRequest request = About<v1::RevokeKeyRequest>();
  request.set_propagation(v1::PROPAGATION_MODE_COMMIT);
  const auto revoked = root().Call(request);
  ASSERT_THAT(revoked, IsOk());
  EXPECT_EQ(revoked->propagation().revision(), revoked->info().revision());
  EXPECT_EQ(revoked->propagation().pending_sessions(), 0);
  EXPECT_EQ(CodeOf(issued_.key()), v1::VERIFY_CODE_REVOKED);
}

}  // namespace
}  // namespace claviger
