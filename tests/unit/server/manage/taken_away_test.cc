// What is read of an audit log, and what becomes of a store by it.
#include "server/manage/taken_away.h"

#include "core/scope.h"
#include "core/status.h"
#include "gmock/gmock.h"
#include "server/manage/take_away_again.h"
#include "tests/unit/server/manage/managed_store.h"

namespace claviger {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const absl::Time kThen = absl::FromUnixSeconds(1893450000);

class TakenAwayTest : public testing::Test {
 protected:
  AuditEntry Entry(std::string action, int key, std::string detail = "") {
    AuditEntry entry;
    entry.revision = {++revision_};
    entry.time = kThen;
    entry.draft = {.actor = "key:0000000000000009",
                   .peer = "",
                   .action = std::move(action),
                   .project_id = "default",
                   .key_id = TestKeyId(key).ToString(),
                   .detail = std::move(detail),
                   .refusal = ""};
    return entry;
  }
  void Log(std::string action, int key, std::string detail = "") {
    EXPECT_EQ(later_.Add(Entry(std::move(action), key, std::move(detail))), absl::OkStatus());
  }
  KeyRecord Key(int n) { return **state_.store->FindKey(TestKeyId(n)); }
  // What was made of it, as `what` of each.
  std::vector<std::string> Apply() {
    const auto made = TakeAwayAgain(*state_.store, later_, state_.clock);
    EXPECT_TRUE(made.ok()) << made.status();
    std::vector<std::string> what;
    for (const TakenAgain& taken : *made) what.push_back(taken.what);
    return what;
  }
  static KeyRecord WithAddresses(KeyRecord key, const std::vector<std::string>& blocks) {
    for (const std::string& block : blocks) key.allowed_cidrs.push_back(*Cidr::Parse(block));
    return key;
  }

  ManagedStore state_;
  LaterChanges later_;
  uint64_t revision_ = 100;
};

TEST_F(TakenAwayTest, OfChangesThatOutdoEachOtherTheLastOneCounts) {
  for (int n = 1; n <= 4; ++n) state_.Put(TestKey(n));
  Log("DisableKey", 1);
  Log("EnableKey", 1);
  Log("EnableKey", 2);
  Log("DisableKey", 2);
  Log("DeleteKey", 3);
  Log("UndeleteKey", 3);
  Log("UpdateKey", 4, "changed owner, expire_time to 2030-01-01T01:00:00+00:00");
  Log("UpdateKey", 4, "changed expire_time to never");
  EXPECT_THAT(Apply(), ElementsAre("disabled", "revoked"));
  EXPECT_FALSE(Key(1).disabled);
  EXPECT_TRUE(Key(2).disabled);
  EXPECT_FALSE(Key(3).delete_time.has_value());
  EXPECT_EQ(Key(3).revocation->time, kThen);
  EXPECT_FALSE(Key(4).expire_time.has_value());
  EXPECT_THAT(Apply(), IsEmpty()) << "it is so already";
}

TEST_F(TakenAwayTest, ARefusedCallTookNothing) {
  state_.Put(TestKey(1));
  AuditEntry entry = Entry("RevokeKey", 1);
  entry.draft.refusal = "PERMISSION_DENIED";
  EXPECT_EQ(later_.Add(entry), absl::OkStatus());
  EXPECT_THAT(Apply(), IsEmpty());
}

TEST_F(TakenAwayTest, AKeyWhoseNewAddressesAreNotToldIsDisabled) {
  state_.Put(TestKey(1));
  Log("UpdateKey", 1, "changed display_name, allowed_cidrs");
  EXPECT_THAT(Apply(), ElementsAre(HasSubstr("disabled: the log does not tell")));
  EXPECT_TRUE(Key(1).disabled);
}

TEST_F(TakenAwayTest, AddressesAreThoseThatAKeyHadAndKept) {
  const struct {
    std::vector<std::string> had;
    std::string later;
    std::vector<std::string> has;
    bool disabled = false;
  } kCases[] = {
      {{}, "", {}},
      {{}, "10.0.0.0/8", {"10.0.0.0/8"}},
      {{"10.0.0.0/8"}, "", {"10.0.0.0/8"}},
      {{"10.0.0.0/8"}, "10.1.0.0/16 192.0.2.0/24", {"10.1.0.0/16"}},
      {{"10.1.0.0/16"}, "10.0.0.0/8", {"10.1.0.0/16"}},
      {{"10.1.0.0/16"}, "192.0.2.0/24", {"10.1.0.0/16"}, /*disabled=*/true},
  };
  int n = 0;
  for (const auto& test : kCases) {
    state_.Put(WithAddresses(TestKey(++n), test.had));
    Log("UpdateKey", n, "changed allowed_cidrs to [" + test.later + "]");
  }
  Apply();
  n = 0;
  for (const auto& test : kCases) {
    SCOPED_TRACE(++n);
    EXPECT_EQ(Key(n).allowed_cidrs, WithAddresses(TestKey(n), test.has).allowed_cidrs);
    EXPECT_EQ(Key(n).disabled, test.disabled);
  }
}

TEST_F(TakenAwayTest, AnEndIsNeverMovedBack) {
  KeyRecord key = TestKey(1);
  key.expire_time = absl::FromUnixSeconds(1893456000);  // 2030-01-01
  state_.Put(key);
  Log("UpdateKey", 1, "changed expire_time to 2031-01-01T00:00:00+00:00");
  EXPECT_THAT(Apply(), IsEmpty());
  Log("UpdateKey", 1, "changed expire_time to 2029-12-31T00:00:00+00:00");
  EXPECT_THAT(Apply(), ElementsAre(HasSubstr("ends 2029-12-31")));
}

TEST_F(TakenAwayTest, ARotationEndsTheOldKeyAsItSaysAndMakesAnother) {
  for (int n = 1; n <= 4; ++n) state_.Put(TestKey(n));
  const std::string replaced = "replaced by 0000000000000077, which expires never; the old key ";
  Log("RotateKey", 1, replaced + "revoked");
  Log("RotateKey", 2, replaced + "ends 2030-01-02T00:00:00+00:00");
  Log("RotateKey", 3, replaced + "ends 168h after its successor's first use");
  Log("RotateKey", 4, replaced + "ends never");
  EXPECT_THAT(Apply(), ElementsAre("revoked", HasSubstr("ends 2030-01-02")));
  Log("BeginGrace", 3, "0000000000000077 is in use; the old key ends 2030-01-03T00:00:00+00:00");
  EXPECT_THAT(Apply(), ElementsAre(HasSubstr("ends 2030-01-03")));
  const auto lost = FindLostKeys(*state_.store, later_);
  ASSERT_TRUE(lost.ok());
  ASSERT_EQ(lost->size(), 1u);
  EXPECT_EQ(lost->front().id, TestKeyId(77));
  EXPECT_EQ(lost->front().project_id, "default");
}

TEST_F(TakenAwayTest, AKeyThatIsRevokedAlreadyStaysAsItIs) {
  KeyRecord key = TestKey(1);
  key.revocation = Revocation{
      .time = kThen - absl::Hours(1), .reason = RevokeReason::kCompromised, .note = "first"};
  state_.Put(key);
  Log("RevokeKey", 1);
  Log("UpdateScopes", 1, "added [], removed [a:b]");
  EXPECT_THAT(Apply(), IsEmpty());
  EXPECT_EQ(Key(1).revocation, key.revocation);
  Log("DeleteKey", 1);
  EXPECT_THAT(Apply(), ElementsAre("deleted"));
  EXPECT_EQ(Key(1).revocation, key.revocation);
  EXPECT_EQ(Key(1).delete_time, kThen);
}

TEST_F(TakenAwayTest, ADeletedProjectTakesAwayItsKeysAndTheirOwnChangesToo) {
  state_.Put(TestProject("web"));
  state_.Put(TestKey(1, "web"));
  Log("DisableKey", 1);
  AuditEntry entry = Entry("DeleteProject", 1);
  entry.draft.key_id.clear();
  entry.draft.project_id = "web";
  EXPECT_EQ(later_.Add(entry), absl::OkStatus());
  EXPECT_THAT(Apply(), ElementsAre("disabled", "deleted with its keys"));
  EXPECT_EQ((*state_.store->FindProject("web"))->delete_time, kThen);
  // Again: a key that is not revoked is not written in a deleted project.
  EXPECT_THAT(Apply(), IsEmpty());
}

TEST_F(TakenAwayTest, MoreKeysThanAreChangedAtATime) {
  for (int n = 1; n <= 300; ++n) {
    state_.Put(TestKey(n));
    Log("RevokeKey", n);
  }
  EXPECT_EQ(Apply().size(), 300u);
  for (int n = 1; n <= 300; ++n) EXPECT_TRUE(Key(n).revocation.has_value());
}

TEST_F(TakenAwayTest, ADetailThatThisVersionDoesNotWriteIsRefusedAndNamed) {
  const struct {
    const char* action;
    const char* detail;
  } kCases[] = {
      {"UpdateScopes", ""},
      {"UpdateScopes", "added [a], took [b]"},
      {"UpdateScopes", "added [], removed [a:*:b]"},
      {"UpdateKey", ""},
      {"UpdateKey", "changed expire_time to tomorrow"},
      {"UpdateKey", "changed expire_time to infinite-past"},
      {"UpdateKey", "changed expire_time to 9999-01-01T00:00:00+00:00"},
      {"UpdateKey", "changed allowed_cidrs to [nowhere]"},
      {"RotateKey", "replaced by 0000000000000077"},
      {"RotateKey", "replaced by 0000000000000077, ; the old key sleeps"},
      {"RotateKey", "replaced by x, ; the old key revoked"},
      {"BeginGrace", "in use"},
  };
  for (const auto& [action, detail] : kCases) {
    const absl::Status status = LaterChanges().Add(Entry(action, 1, detail));
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << detail;
    EXPECT_EQ(DetailsOf(status).reason, Reason::kConfigInvalid);
    EXPECT_THAT(std::string(status.message()), HasSubstr(action));
  }
}

}  // namespace
}  // namespace claviger
