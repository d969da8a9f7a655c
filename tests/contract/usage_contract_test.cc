// Counts of checks and last uses.
#include "tests/contract/key_store_contract.h"

namespace claviger {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

UsageCounts Counts(uint64_t valid, uint64_t revoked = 0) {
  UsageCounts counts;
  counts.Add(VerifyCode::kValid, valid);
  counts.Add(VerifyCode::kRevoked, revoked);
  return counts;
}

class UsageContractTest : public KeyStoreContract {
 protected:
  const UsageHour now_ = HourOf(clock_.Now());

  void PutKey(int n, std::string_view project_id = "a") {
    ASSERT_TRUE(Commit(Putting(TestKey(n, project_id))).ok());
  }
  void Purge(int n) {
    KeyRecord key = *Key(n);
    key.revocation = Revocation{.time = clock_.Now(), .reason = {}, .note = {}};
    key.delete_time = clock_.Now();
    ASSERT_TRUE(Commit(Putting(key)).ok());
    ChangeSet changes;
    changes.audit.action = "PurgeKey";
    changes.delete_keys.push_back(TestKeyId(n));
    ASSERT_TRUE(Commit(Giving(std::move(changes))).ok());
  }
  UsageDelta Delta(int n, UsageHour hour, const UsageCounts& counts) {
    return {.key_id = TestKeyId(n),
            .project_id = "a",
            .hour = hour,
            .counts = counts,
            .last_use = std::nullopt};
  }
  void Add(const std::vector<UsageDelta>& deltas) {
    const absl::Status status = store().AddUsage(deltas);
    ASSERT_TRUE(status.ok()) << status;
  }
  void Use(int n, absl::Time time, std::string address = "", std::string by = "key:x") {
    UsageDelta delta = Delta(n, HourOf(time), Counts(1));
    delta.last_use = LastUse{.time = time, .address = std::move(address), .by = std::move(by)};
    Add({delta});
  }
  std::vector<UsageRow> Read(const UsageSubject& subject, UsageHour first = 0,
                             UsageHour last = ~UsageHour{0}) {
    return store().ReadUsage(subject, first, last).value();
  }
  std::optional<LastUse> LastUseOf(int n) {
    const KeyId id = TestKeyId(n);
    return store().FindLastUses({&id, 1}).value().front();
  }
};
INSTANTIATE_TEST_SUITE_P(Stores, UsageContractTest, EveryStore(), NameOfStore);

TEST_P(UsageContractTest, CountsOfAnHourAddUp) {
  PutKey(1);
  Add({Delta(1, now_, Counts(2, 1))});
  Add({Delta(1, now_, Counts(3))});
  EXPECT_THAT(Read(TestKeyId(1)), ElementsAre(UsageRow{now_, Counts(5, 1)}));
}

TEST_P(UsageContractTest, EveryOutcomeIsKeptApart) {
  PutKey(1);
  UsageCounts counts;
  for (int code = 1; code <= 9; ++code) counts.Add(static_cast<VerifyCode>(code), 10 + code);
  Add({Delta(1, now_, counts)});
  EXPECT_THAT(Read(TestKeyId(1)), ElementsAre(UsageRow{now_, counts}));
}

TEST_P(UsageContractTest, HoursComeInOrderWithinTheBounds) {
  PutKey(1);
  PutKey(2);
  for (const UsageHour back : {3, 0, 2, 1}) Add({Delta(1, now_ - back, Counts(back + 1))});
  Add({Delta(2, now_, Counts(9))});
  EXPECT_THAT(Read(TestKeyId(1)),
              ElementsAre(UsageRow{now_ - 3, Counts(4)}, UsageRow{now_ - 2, Counts(3)},
                          UsageRow{now_ - 1, Counts(2)}, UsageRow{now_, Counts(1)}));
  EXPECT_THAT(Read(TestKeyId(1), now_ - 2, now_ - 1),
              ElementsAre(UsageRow{now_ - 2, Counts(3)}, UsageRow{now_ - 1, Counts(2)}));
  EXPECT_THAT(Read(TestKeyId(1), now_, now_ - 1), IsEmpty());
}

TEST_P(UsageContractTest, AProjectHasTheSumOfItsKeys) {
  PutKey(1);
  PutKey(2);
  Add({Delta(1, now_, Counts(2)), Delta(2, now_, Counts(3)), Delta(2, now_ - 1, Counts(4))});
  EXPECT_THAT(Read("a"), ElementsAre(UsageRow{now_ - 1, Counts(4)}, UsageRow{now_, Counts(5)}));
  EXPECT_THAT(Read("ab"), IsEmpty());
}

TEST_P(UsageContractTest, CountsDoNotOverflow) {
  PutKey(1);
  Add({Delta(1, now_, Counts(UsageCounts::kMost)), Delta(1, now_, Counts(7))});
  EXPECT_THAT(Read(TestKeyId(1)), ElementsAre(UsageRow{now_, Counts(UsageCounts::kMost)}));
}

TEST_P(UsageContractTest, TheLatestUseIsKept) {
  PutKey(1);
  EXPECT_EQ(LastUseOf(1), std::nullopt);
  const absl::Time time = clock_.Now();
  Use(1, time, "192.0.2.1", "key:a");
  Use(1, time - absl::Seconds(1), "192.0.2.2", "key:b");
  EXPECT_EQ(LastUseOf(1), (LastUse{time, "192.0.2.1", "key:a"}));
  Use(1, time + absl::Nanoseconds(1), "", "cert:dns:c");
  EXPECT_EQ(LastUseOf(1), (LastUse{time + absl::Nanoseconds(1), "", "cert:dns:c"}));
}

TEST_P(UsageContractTest, LastUsesComeInTheOrderOfTheIds) {
  PutKey(1);
  PutKey(2);
  Use(2, clock_.Now());
  const std::vector<KeyId> ids = {TestKeyId(2), TestKeyId(3), TestKeyId(1)};
  const auto uses = store().FindLastUses(ids).value();
  ASSERT_EQ(uses.size(), 3u);
  EXPECT_TRUE(uses[0].has_value());
  EXPECT_FALSE(uses[1].has_value());
  EXPECT_FALSE(uses[2].has_value());
}

TEST_P(UsageContractTest, KeysThatDoNotExistLeaveNothing) {
  Use(1, clock_.Now());
  EXPECT_THAT(Read(TestKeyId(1)), IsEmpty());
  EXPECT_THAT(Read("a"), IsEmpty());
  EXPECT_EQ(LastUseOf(1), std::nullopt);
}

TEST_P(UsageContractTest, APurgedKeyTakesItsUsageAlongAndItsProjectsStays) {
  PutKey(1);
  PutKey(2);
  Use(1, clock_.Now());
  Use(2, clock_.Now());
  Purge(1);
  EXPECT_THAT(Read(TestKeyId(1)), IsEmpty());
  EXPECT_EQ(LastUseOf(1), std::nullopt);
  EXPECT_THAT(Read(TestKeyId(2)), ElementsAre(UsageRow{now_, Counts(1)}));
  EXPECT_THAT(Read("a"), ElementsAre(UsageRow{now_, Counts(2)}));
}

TEST_P(UsageContractTest, ADeletedProjectTakesItsUsageAlong) {
  ASSERT_TRUE(Commit(Putting(TestProject("a"))).ok());
  PutKey(1);
  Use(1, clock_.Now());
  Purge(1);
  ChangeSet changes;
  changes.audit.action = "DeleteProject";
  changes.delete_projects.push_back("a");
  ASSERT_TRUE(Commit(Giving(std::move(changes))).ok());
  EXPECT_THAT(Read("a"), IsEmpty());
}

TEST_P(UsageContractTest, WhatIsOlderThanTheRetentionIsNotRead) {
  PutKey(1);
  Add({Delta(1, now_, Counts(1))});
  clock_.Advance(kDefaultUsageRetention);
  EXPECT_THAT(Read(TestKeyId(1)), ElementsAre(UsageRow{now_, Counts(1)}));
  clock_.Advance(absl::Hours(1));
  EXPECT_THAT(Read(TestKeyId(1)), IsEmpty());
}

TEST_P(UsageContractTest, UsageIsNoMutation) {
  PutKey(1);
  const Revision before = store().applied_revision();
  Use(1, clock_.Now());
  EXPECT_EQ(store().applied_revision(), before);
  EXPECT_THAT(store().ReadEvents(before, 10).value(), IsEmpty());
}

TEST_P(UsageContractTest, AClosedStoreTakesNoneAndStillReads) {
  PutKey(1);
  Add({Delta(1, now_, Counts(1))});
  store().Close();
  const UsageDelta delta = Delta(1, now_, Counts(1));
  EXPECT_TRUE(absl::IsUnavailable(store().AddUsage({&delta, 1})));
  EXPECT_THAT(Read(TestKeyId(1)), ElementsAre(UsageRow{now_, Counts(1)}));
}

TEST_P(UsageContractTest, ManyKeysAtOnce) {
  constexpr int kKeys = 600;
  std::vector<UsageDelta> deltas;
  for (int n = 1; n <= kKeys; ++n) {
    PutKey(n);
    deltas.push_back(Delta(n, now_, Counts(1)));
  }
  Add(deltas);
  EXPECT_THAT(Read("a"), ElementsAre(UsageRow{now_, Counts(kKeys)}));
  EXPECT_THAT(Read(TestKeyId(kKeys)), ElementsAre(UsageRow{now_, Counts(1)}));
}

}  // namespace
}  // namespace claviger
