// Faults that a server must not have are planted one at a time; each must be found.
#include "tests/crash/settlement.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/crash/honest_server.h"
#include "tests/crash/key_model.h"

namespace claviger::crash {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

MATCHER_P2(Is, kind, what, "") {
  *result_listener << ViolationKindName(arg.kind) << " " << arg.what;
  return arg.kind == kind && arg.what.find(what) != std::string::npos;
}

std::string TextOf(const std::vector<Violation>& found) {
  std::string text;
  for (const Violation& violation : found) {
    text += std::string(ViolationKindName(violation.kind)) + ": " + violation.what + "\n";
  }
  return text;
}

class SettlementTest : public testing::Test {
 protected:
  std::vector<Violation> Settled() { return SettledWith(server_.See()); }
  std::vector<Violation> SettledWith(const Observed& seen) {
    return Settle(server_.ledger.book(), seen);
  }
  const Counts& counts() { return server_.ledger.book().counts; }
  v1::Key Revoke(const v1::Key& key) {
    return server_.Complete(server_.ChangeCall("RevokeKey", key.key_id(),
                                               Revoked(key, v1::REVOKE_REASON_COMPROMISED, "")));
  }
  static v1::Key Moved(v1::Key key, const std::string& owner, const std::string& name) {
    v1::UpdateKeyRequest request;
    request.mutable_key()->set_owner(owner);
    request.mutable_key()->set_display_name(name);
    request.mutable_update_mask()->add_paths("owner");
    request.mutable_update_mask()->add_paths("display_name");
    return Updated(std::move(key), request);
  }

  HonestServer server_;
};

TEST_F(SettlementTest, NothingIsWrongWithAServerThatDoesAsItIsTold) {
  const v1::Key a = server_.Issue("a");
  const v1::Key b = server_.Issue("b", "bob");
  Revoke(a);
  server_.Complete(server_.RotateCall(b.key_id(), /*has_grace=*/true), "text of the next");
  server_.Complete(server_.CreateProjectCall("web"));
  EXPECT_EQ(TextOf(Settled()), "");
  EXPECT_EQ(counts().acknowledged, 5u);
  EXPECT_EQ(TextOf(Settled()), "") << "nor the second time";
}

TEST_F(SettlementTest, AnAcknowledgedKeyThatIsGoneIsLost) {
  const v1::Key a = server_.Issue("a");
  server_.keys.erase(a.key_id());
  EXPECT_THAT(Settled(), Contains(Is(ViolationKind::kLost, a.key_id())));
  EXPECT_GT(counts().lost, 0u);
}

TEST_F(SettlementTest, AnAcknowledgedRevokeThatIsUndoneIsLostAndLetsIn) {
  const v1::Key a = server_.Issue("a");
  Revoke(a);
  server_.keys[a.key_id()] = a;
  const std::vector<Violation> found = Settled();
  EXPECT_THAT(found, Contains(Is(ViolationKind::kLost, a.key_id())));
  EXPECT_THAT(found, Contains(Is(ViolationKind::kAccepted, a.key_id())));
}

TEST_F(SettlementTest, AChangeThatWasLostIsFoundAlsoLongAfterItWasSettled) {
  const v1::Key a = server_.Issue("a");
  Revoke(a);
  ASSERT_THAT(Settled(), IsEmpty());
  server_.keys[a.key_id()] = a;
  EXPECT_THAT(Settled(), Contains(Is(ViolationKind::kAccepted, a.key_id())));
}

TEST_F(SettlementTest, AnUnansweredCallMayBeThereOrNot) {
  const Call done = server_.IssueCall("done");
  server_.ledger.Send(done);
  const std::string id = server_.Do(done).front().key_id();
  server_.ledger.Send(server_.IssueCall("not done"));
  EXPECT_EQ(TextOf(Settled()), "");
  EXPECT_EQ(counts().unanswered, 2u);
  EXPECT_EQ(counts().unanswered_present, 1u);
  EXPECT_EQ(counts().unanswered_absent, 1u);
  const std::vector<Call> retries = server_.ledger.TakeRetries(0);
  ASSERT_EQ(retries.size(), 2u);
  EXPECT_EQ(retries[0].made_id, id);
  EXPECT_EQ(retries[1].made_id, "");
}

TEST_F(SettlementTest, AKeyWithoutItsAuditEntryIsHalf) {
  const Call call = server_.IssueCall("a");
  server_.ledger.Send(call);
  server_.DoWithoutEntry(call);
  EXPECT_THAT(Settled(), Contains(Is(ViolationKind::kHalf, "has no audit entry")));
}

TEST_F(SettlementTest, AnAcknowledgedChangeWithoutItsAuditEntryIsHalf) {
  const Call call = server_.IssueCall("a");
  const uint64_t number = server_.ledger.Send(call);
  server_.ledger.AnsweredWithKeys(number, server_.DoWithoutEntry(call), "text");
  EXPECT_THAT(Settled(), Contains(Is(ViolationKind::kHalf, "has no audit entry")));
}

TEST_F(SettlementTest, AnAuditEntryWithoutItsKeyIsHalf) {
  server_.ledger.Send(server_.IssueCall("a"));
  server_.Log("IssueKey", kDefaultProject, "key0000000000099");
  EXPECT_THAT(Settled(), Contains(Is(ViolationKind::kHalf, "is of no change that is there")));
}

TEST_F(SettlementTest, AnAuditEntryOfAnotherRevisionThanTheRecordIsHalf) {
  const v1::Key a = server_.Issue("a");
  const Call call = server_.ChangeCall("DisableKey", a.key_id(), Disabled(a));
  server_.ledger.Send(call);
  server_.DoOne(call, call.effects[0], 17);
  server_.Log("DisableKey", kDefaultProject, a.key_id());
  EXPECT_THAT(Settled(), Contains(Is(ViolationKind::kHalf, "at revision 17")));
}

TEST_F(SettlementTest, AKeyThatItsListLacksIsFound) {
  const v1::Key a = server_.Issue("a");
  Observed seen = server_.See();
  seen.listings[0].keys.clear();
  EXPECT_THAT(SettledWith(seen), ElementsAre(Is(ViolationKind::kIndex, "lacks key " + a.key_id())));
}

TEST_F(SettlementTest, AnUnansweredKeyThatItsListLacksIsFound) {
  const Call call = server_.IssueCall("a");
  server_.ledger.Send(call);
  server_.Do(call);
  Observed seen = server_.See();
  seen.listings[0].keys.clear();
  EXPECT_THAT(SettledWith(seen), ElementsAre(Is(ViolationKind::kIndex, "lacks key")));
}

TEST_F(SettlementTest, AListThatKeepsAKeyOfAnotherOwnerIsFound) {
  const v1::Key a = server_.Issue("a");
  const v1::Key moved =
      server_.Complete(server_.ChangeCall("UpdateKey", a.key_id(), Moved(a, "bob", "a")));
  Observed seen = server_.See();
  seen.listings[0].keys.push_back(moved);
  EXPECT_THAT(SettledWith(seen), ElementsAre(Is(ViolationKind::kIndex, "which is not of it")));
}

TEST_F(SettlementTest, AListThatShowsAKeyTwiceOrOneThatDoesNotExistIsFound) {
  const v1::Key a = server_.Issue("a");
  Observed seen = server_.See();
  v1::Key nothing = a;
  nothing.set_key_id("key0000000000077");
  seen.listings[0].keys.push_back(a);
  seen.listings[0].keys.push_back(nothing);
  EXPECT_THAT(SettledWith(seen), ElementsAre(Is(ViolationKind::kIndex, "twice"),
                                             Is(ViolationKind::kHalf, "does not exist")));
}

TEST_F(SettlementTest, ARecordThatIsNeitherTheOldNorTheNewIsHalf) {
  const v1::Key a = server_.Issue("a");
  Call call = server_.ChangeCall("UpdateKey", a.key_id(), Moved(a, "bob", "b"));
  server_.ledger.Send(call);
  call.effects[0].wanted.set_owner("ann");
  server_.Do(call);
  EXPECT_THAT(Settled(), Contains(Is(ViolationKind::kHalf, "neither as it was")));
}

TEST_F(SettlementTest, ARotationOfWhichOnlyTheOldKeyIsThereIsHalf) {
  const v1::Key a = server_.Issue("a");
  const Call call = server_.RotateCall(a.key_id(), /*has_grace=*/false);
  server_.ledger.Send(call);
  const v1::Key successor = server_.Do(call)[1];
  server_.keys.erase(successor.key_id());
  EXPECT_THAT(Settled(), Contains(Is(ViolationKind::kHalf, "only a part of it")));
}

TEST_F(SettlementTest, ARotationOfWhichOnlyTheNewKeyIsThereIsHalf) {
  const v1::Key a = server_.Issue("a");
  const Call call = server_.RotateCall(a.key_id(), /*has_grace=*/false);
  server_.ledger.Send(call);
  server_.Do(call);
  server_.keys[a.key_id()] = a;
  EXPECT_THAT(Settled(), Contains(Is(ViolationKind::kHalf, "only a part of it")));
}

TEST_F(SettlementTest, ARotationWhoseKeysDoNotNameEachOtherIsHalf) {
  const v1::Key a = server_.Issue("a");
  const Call call = server_.RotateCall(a.key_id(), /*has_grace=*/true);
  server_.ledger.Send(call);
  server_.Do(call);
  server_.keys[a.key_id()].set_rotated_to("key0000000000055");
  EXPECT_THAT(Settled(), Contains(Is(ViolationKind::kHalf, "the old key names")));
}

TEST_F(SettlementTest, TwoKeysOfOneCallAreADuplicate) {
  const Call call = server_.IssueCall("a");
  server_.ledger.Send(call);
  server_.Do(call);
  server_.Do(call);
  EXPECT_THAT(Settled(), Contains(Is(ViolationKind::kDuplicate, "made 2 keys")));
}

TEST_F(SettlementTest, ARetryThatMakesAnotherKeyIsADuplicate) {
  const Call call = server_.IssueCall("a");
  server_.ledger.Send(call);
  server_.Do(call);
  ASSERT_THAT(Settled(), IsEmpty());
  const Call again = server_.ledger.TakeRetries(0).at(0);
  server_.ledger.AnsweredWithKeys(server_.ledger.Send(again), server_.Do(again), "text");
  const std::vector<Violation> found = Settled();
  EXPECT_THAT(found, Contains(Is(ViolationKind::kDuplicate, "beside key")));
}

TEST_F(SettlementTest, ARetryOfAnAnsweredCallMustGiveTheSameText) {
  const v1::Key a = server_.Issue("a");
  std::mt19937_64 random(1);
  const Call again = server_.ledger.ChooseRemembered(random).value();
  server_.ledger.AnsweredWithKeys(server_.ledger.Send(again), {a}, "text of a");
  EXPECT_EQ(TextOf(Settled()), "");
  server_.ledger.AnsweredWithKeys(server_.ledger.Send(again), {a}, "another text");
  EXPECT_THAT(Settled(), ElementsAre(Is(ViolationKind::kWrongAnswer, "another text")));
}

TEST_F(SettlementTest, ARetryGivesTheTextByWhichTheKeyIsCheckedFromThenOn) {
  const Call call = server_.IssueCall("a");
  server_.ledger.Send(call);
  const v1::Key a = server_.Do(call).front();
  ASSERT_THAT(Settled(), IsEmpty());
  const Call again = server_.ledger.TakeRetries(0).at(0);
  server_.ledger.AnsweredWithKeys(server_.ledger.Send(again), {a}, "text of a");
  Observed seen = server_.See();
  EXPECT_THAT(seen.codes, Contains(testing::Key(a.key_id())));
  seen.codes[a.key_id()] = v1::VERIFY_CODE_NOT_FOUND;
  EXPECT_THAT(SettledWith(seen), ElementsAre(Is(ViolationKind::kLost, "NOT_FOUND")));
}

TEST_F(SettlementTest, AKeyThatNobodyAskedForIsAGhost) {
  server_.Do(server_.IssueCall("a"));
  EXPECT_THAT(Settled(), Contains(Is(ViolationKind::kGhost, "nobody asked for key")));
}

TEST_F(SettlementTest, AMissingAuditEntryIsFound) {
  server_.Issue("a");
  server_.Issue("b");
  Observed seen = server_.See();
  seen.events.erase(seen.events.begin());
  EXPECT_THAT(SettledWith(seen), Contains(Is(ViolationKind::kAudit, "revision 1")));
}

TEST_F(SettlementTest, AnAuditLogThatWasCutOffIsFound) {
  server_.Issue("a");
  server_.Issue("b");
  Observed seen = server_.See();
  seen.events.pop_back();
  EXPECT_THAT(SettledWith(seen), Contains(Is(ViolationKind::kAudit, "revision 2")));
}

TEST_F(SettlementTest, AnAuditLogThatGoesBackBehindWhatWasReadIsFound) {
  server_.Issue("a");
  server_.Issue("b");
  Observed before = server_.See();
  ASSERT_THAT(SettledWith(before), IsEmpty());
  Observed seen = server_.See();
  seen.head.set_head_revision(1);
  seen.head.set_head_hash(before.events[0].hash());
  EXPECT_THAT(SettledWith(seen), Contains(Is(ViolationKind::kAudit, "revision")));
}

TEST_F(SettlementTest, AnEditedAuditEntryIsFound) {
  server_.Issue("a");
  Observed seen = server_.See();
  seen.events[0].set_actor("key:somebody");
  EXPECT_THAT(SettledWith(seen), Contains(Is(ViolationKind::kAudit, "edited")));
}

TEST_F(SettlementTest, AnotherEpochIsFound) {
  server_.Issue("a");
  ASSERT_THAT(Settled(), IsEmpty());
  Observed seen = server_.See();
  seen.epoch = "another epoch 16";
  EXPECT_THAT(SettledWith(seen), ElementsAre(Is(ViolationKind::kAudit, "epoch")));
}

TEST_F(SettlementTest, AnAcknowledgedBulkRevokeMustHaveRevokedAll) {
  const v1::Key a = server_.Issue("a");
  const v1::Key b = server_.Issue("b");
  const Call call = server_.RevokeManyCall({a.key_id(), b.key_id()});
  server_.ledger.Answered(server_.ledger.Send(call), {});
  server_.Do(server_.RevokeManyCall({a.key_id()}));
  const std::vector<Violation> found = Settled();
  EXPECT_THAT(found, Contains(Is(ViolationKind::kLost, "'b' was acknowledged")));
  EXPECT_THAT(found, Not(Contains(Is(ViolationKind::kLost, "'a'"))));
}

TEST_F(SettlementTest, AnUnansweredBulkRevokeMayHaveRevokedSome) {
  const v1::Key a = server_.Issue("a");
  const v1::Key b = server_.Issue("b");
  server_.ledger.Send(server_.RevokeManyCall({a.key_id(), b.key_id()}));
  server_.Do(server_.RevokeManyCall({a.key_id()}));
  EXPECT_EQ(TextOf(Settled()), "");
  EXPECT_EQ(counts().unanswered_present, 1u);
  EXPECT_EQ(counts().unanswered_absent, 1u);
}

TEST_F(SettlementTest, AnAcknowledgedProjectThatIsGoneIsLost) {
  server_.Complete(server_.CreateProjectCall("web"));
  server_.projects.clear();
  EXPECT_THAT(Settled(), Contains(Is(ViolationKind::kLost, "project web is gone")));
}

TEST_F(SettlementTest, AProjectThatIsThereAfterItsDeletionIsLost) {
  server_.Complete(server_.CreateProjectCall("web"));
  ASSERT_THAT(Settled(), IsEmpty());
  server_.ledger.Answered(server_.ledger.Send(server_.DeleteProjectCall("web")), {});
  EXPECT_THAT(Settled(), Contains(Is(ViolationKind::kLost, "DeleteProject")));
}

TEST_F(SettlementTest, AKeyOfADeletedProjectMustNotBeAccepted) {
  server_.Complete(server_.CreateProjectCall("web"));
  Call issue = server_.IssueCall("a");
  issue.project_id = "web";
  issue.effects[0].wanted.set_project_id("web");
  const v1::Key a = server_.Complete(issue, "text");
  ASSERT_EQ(TextOf(Settled()), "");
  server_.Complete(server_.DeleteProjectCall("web"));
  v1::Key shown = Revoked(a, v1::REVOKE_REASON_OTHER, "the project was deleted");
  *shown.mutable_revoke_time() = *shown.mutable_update_time() = a.create_time();
  server_.keys[a.key_id()] = shown;
  Observed seen = server_.See();
  EXPECT_EQ(TextOf(SettledWith(seen)), "");
  seen = server_.See();
  seen.codes[a.key_id()] = v1::VERIFY_CODE_VALID;
  EXPECT_THAT(SettledWith(seen), ElementsAre(Is(ViolationKind::kAccepted, a.key_id())));
}

TEST_F(SettlementTest, AnAnswerThatIsNotWhatWasAskedForIsFound) {
  const Call call = server_.IssueCall("a");
  const uint64_t number = server_.ledger.Send(call);
  std::vector<v1::Key> records = server_.Do(call);
  records[0].add_scopes("more:than-asked");
  server_.ledger.AnsweredWithKeys(number, records, "text");
  EXPECT_THAT(Settled(), Contains(Is(ViolationKind::kWrongAnswer, "more:than-asked")));
}

}  // namespace
}  // namespace claviger::crash
