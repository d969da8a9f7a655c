// Lists by owner, by label, over all projects and by expire time: what is found by an index is what
// is there.
#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tests/contract/key_store_contract.h"

namespace claviger {
namespace {

using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::IsEmpty;
using Label = std::pair<std::string, std::string>;

std::string Id(int n) { return TestKeyId(n).ToString(); }

class IndexContractTest : public KeyStoreContract {
 protected:
  const absl::Time start_ = clock_.Now();

  // Key `n` of project `a` or `b`, made `n` seconds after the start.
  KeyRecord Owned(int n, std::string_view project_id, std::string_view owner,
                  std::map<std::string, std::string> labels = {}) {
    KeyRecord key = TestKey(n, project_id, start_ + absl::Seconds(n));
    key.owner = owner;
    key.labels = std::move(labels);
    return key;
  }
  KeyRecord Expiring(int n, absl::Duration end) {
    KeyRecord key = TestKey(n, n % 2 == 0 ? "a" : "b", start_);
    key.expire_time = start_ + end;
    return key;
  }
  void Put(const KeyRecord& key) { ASSERT_TRUE(Commit(Putting(key)).ok()); }
  void Purge(int n) {
    KeyRecord key = *Key(n);
    key.delete_time = clock_.Now();
    Put(key);
    ChangeSet purge;
    purge.delete_keys = {key.id};
    ASSERT_TRUE(Commit(Giving(purge)).ok());
  }

  std::vector<std::string> OwnedBy(const std::string& owner, const std::string& project_id = "") {
    return ScannedIds({.project_id = project_id, .owner = owner});
  }
  std::vector<std::string> Labelled(const Label& label, const std::string& project_id = "") {
    return ScannedIds({.project_id = project_id, .label = label});
  }
  std::vector<std::string> ExpiringIds(const ExpiryScan& scan) {
    std::vector<std::string> ids;
    const auto status = store().ScanExpiring(scan, [&ids](const KeyRecord& key) {
      ids.push_back(key.id.ToString());
      return true;
    });
    EXPECT_TRUE(status.ok()) << status;
    return ids;
  }
  std::vector<uint64_t> Counts(absl::Duration from, std::vector<absl::Duration> until) {
    std::vector<absl::Time> ends;
    for (const absl::Duration end : until) ends.push_back(start_ + end);
    const auto counts = store().CountExpiring(start_ + from, ends);
    EXPECT_TRUE(counts.ok()) << counts.status();
    return counts.value_or(std::vector<uint64_t>());
  }
};
INSTANTIATE_TEST_SUITE_P(Stores, IndexContractTest, EveryStore(), NameOfStore);

TEST_P(IndexContractTest, AllProjectsAreOneListWithoutAProject) {
  Put(TestKey(3, "b", start_));
  Put(TestKey(1, "a", start_));
  Put(TestKey(2, "c", start_ + absl::Seconds(1)));
  EXPECT_THAT(ScannedIds({.project_id = ""}), ElementsAre(Id(2), Id(1), Id(3)));
  EXPECT_THAT(ScannedIds({.project_id = "", .oldest_first = true}),
              ElementsAre(Id(3), Id(1), Id(2)));
  EXPECT_THAT(ScannedIds({.project_id = "", .after = KeyCursor{start_, TestKeyId(1)}}),
              ElementsAre(Id(3)));
  EXPECT_FALSE(store().ProjectHasKeys("d").value());
}

TEST_P(IndexContractTest, AnOwnersKeysAreFoundInAProjectAndInAll) {
  Put(Owned(1, "a", "ann"));
  Put(Owned(2, "b", "ann"));
  Put(Owned(3, "a", "ann"));
  Put(Owned(4, "a", "an"));
  Put(Owned(5, "a", "anna"));
  Put(Owned(6, "a", ""));
  EXPECT_THAT(OwnedBy("ann", "a"), ElementsAre(Id(3), Id(1)));
  EXPECT_THAT(OwnedBy("ann", "b"), ElementsAre(Id(2)));
  EXPECT_THAT(OwnedBy("ann"), ElementsAre(Id(3), Id(2), Id(1)));
  EXPECT_THAT(OwnedBy("bob"), IsEmpty());
  EXPECT_THAT(ScannedIds({.project_id = "", .oldest_first = true, .owner = "ann"}),
              ElementsAre(Id(1), Id(2), Id(3)));
}

TEST_P(IndexContractTest, EveryLabelOfAKeyFindsIt) {
  Put(Owned(1, "a", "", {{"team", "blue"}, {"tier", "1"}}));
  Put(Owned(2, "a", "", {{"team", "blue"}}));
  Put(Owned(3, "b", "", {{"team", "red"}, {"tier", ""}}));
  EXPECT_THAT(Labelled({"team", "blue"}, "a"), ElementsAre(Id(2), Id(1)));
  EXPECT_THAT(Labelled({"tier", "1"}, "a"), ElementsAre(Id(1)));
  EXPECT_THAT(Labelled({"tier", ""}), ElementsAre(Id(3)));
  EXPECT_THAT(Labelled({"team", "red"}, "a"), IsEmpty());
  EXPECT_THAT(Labelled({"team", ""}), IsEmpty());
  EXPECT_THAT(Labelled({"te", "am=blue"}), IsEmpty());
}

TEST_P(IndexContractTest, ScansByOwnerAndLabelGoOnBehindEachCursorInBothDirections) {
  for (int n = 1; n <= 6; ++n) {
    KeyRecord key = Owned(n, n % 2 == 0 ? "a" : "b", "ann", {{"team", "blue"}});
    key.create_time = start_ + absl::Seconds(n / 3);
    Put(key);
  }
  for (const bool oldest_first : {false, true}) {
    for (const bool by_owner : {false, true}) {
      KeyScan scan{.project_id = "", .oldest_first = oldest_first};
      if (by_owner) {
        scan.owner = "ann";
      } else {
        scan.label = Label("team", "blue");
      }
      const auto all = ScannedIds(scan);
      ASSERT_EQ(all.size(), 6u);
      EXPECT_EQ(all, ScannedIds({.project_id = "", .oldest_first = oldest_first}));
      for (size_t i = 0; i < all.size(); ++i) {
        const auto key = store().FindKey(*KeyId::Parse(all[i])).value();
        scan.after = KeyCursor{key->create_time, key->id};
        EXPECT_THAT(ScannedIds(scan),
                    ElementsAreArray(all.begin() + static_cast<long>(i) + 1, all.end()));
      }
    }
  }
}

TEST_P(IndexContractTest, AChangeMovesAKeyToItsNewOwnerAndLabels) {
  Put(Owned(1, "a", "ann", {{"team", "blue"}, {"tier", "1"}}));
  Put(Owned(1, "a", "bob", {{"team", "red"}, {"tier", "1"}}));
  for (const char* const project : {"", "a"}) {
    EXPECT_THAT(OwnedBy("ann", project), IsEmpty());
    EXPECT_THAT(OwnedBy("bob", project), ElementsAre(Id(1)));
    EXPECT_THAT(Labelled({"team", "blue"}, project), IsEmpty());
    EXPECT_THAT(Labelled({"team", "red"}, project), ElementsAre(Id(1)));
    EXPECT_THAT(Labelled({"tier", "1"}, project), ElementsAre(Id(1)));
  }
  Put(Owned(1, "a", ""));
  EXPECT_THAT(OwnedBy("bob"), IsEmpty());
  EXPECT_THAT(Labelled({"team", "red"}), IsEmpty());
  EXPECT_THAT(Labelled({"tier", "1"}), IsEmpty());
  EXPECT_THAT(ScannedIds({.project_id = "a"}), ElementsAre(Id(1)));
}

TEST_P(IndexContractTest, ChangesOfOneBatchLeaveTheRowsOfTheLast) {
  Put(Owned(1, "a", "ann", {{"team", "blue"}}));
  {
    WriterGate gate(store());
    std::vector<PendingCommit> waiting;
    for (const char* const owner : {"bob", "cid", "ann", "dan"}) {
      waiting.emplace_back(store(), Putting(Owned(1, "a", owner, {{"team", owner}})));
    }
    waiting.emplace_back(store(), Putting(Owned(2, "a", "eve")));
    waiting.emplace_back(store(), Putting(Owned(2, "a", "ann")));
    gate.Open();
    for (const PendingCommit& each : waiting) EXPECT_TRUE(each.Wait().ok());
  }
  EXPECT_THAT(OwnedBy("dan"), ElementsAre(Id(1)));
  EXPECT_THAT(OwnedBy("ann"), ElementsAre(Id(2)));
  for (const char* const owner : {"bob", "cid", "eve"}) EXPECT_THAT(OwnedBy(owner), IsEmpty());
  EXPECT_THAT(Labelled({"team", "dan"}), ElementsAre(Id(1)));
  EXPECT_THAT(Labelled({"team", "ann"}), IsEmpty());
  EXPECT_THAT(Labelled({"team", "blue"}), IsEmpty());
}

TEST_P(IndexContractTest, AKeyThatGoesForGoodLeavesNoRow) {
  KeyRecord key = Owned(1, "a", "ann", {{"team", "blue"}, {"tier", "1"}});
  key.expire_time = start_ + absl::Hours(1);
  Put(key);
  Purge(1);
  EXPECT_THAT(ScannedIds({.project_id = ""}), IsEmpty());
  EXPECT_THAT(OwnedBy("ann"), IsEmpty());
  EXPECT_THAT(OwnedBy("ann", "a"), IsEmpty());
  EXPECT_THAT(Labelled({"team", "blue"}), IsEmpty());
  EXPECT_THAT(Labelled({"tier", "1"}, "a"), IsEmpty());
  EXPECT_THAT(ExpiringIds({}), IsEmpty());
}

TEST_P(IndexContractTest, KeysComeByExpireTimeWithinTheSpan) {
  Put(Expiring(4, absl::Hours(2)));
  Put(Expiring(1, absl::Hours(1)));
  Put(Expiring(3, absl::Hours(2)));
  Put(Expiring(2, absl::Hours(3)));
  Put(TestKey(5, "a", start_));
  EXPECT_THAT(ExpiringIds({}), ElementsAre(Id(1), Id(3), Id(4), Id(2)));
  EXPECT_THAT(ExpiringIds({.latest_first = true}), ElementsAre(Id(2), Id(4), Id(3), Id(1)));
  const ExpiryScan span{.from = start_ + absl::Hours(1), .until = start_ + absl::Hours(2)};
  EXPECT_THAT(ExpiringIds(span), ElementsAre(Id(1)));
  EXPECT_THAT(ExpiringIds({.from = start_ + absl::Hours(2)}), ElementsAre(Id(3), Id(4), Id(2)));
  EXPECT_THAT(ExpiringIds({.from = start_ + absl::Hours(2), .until = start_ + absl::Hours(2)}),
              IsEmpty());
  EXPECT_THAT(ExpiringIds({.from = start_ + absl::Hours(3), .until = start_ + absl::Hours(2)}),
              IsEmpty());
}

TEST_P(IndexContractTest, AScanByExpireTimeGoesOnBehindEachCursorInBothDirections) {
  for (int n = 1; n <= 5; ++n) Put(Expiring(n, absl::Hours(1 + n / 3)));
  for (const bool latest_first : {false, true}) {
    const auto all = ExpiringIds({.latest_first = latest_first});
    ASSERT_EQ(all.size(), 5u);
    for (size_t i = 0; i < all.size(); ++i) {
      const auto key = store().FindKey(*KeyId::Parse(all[i])).value();
      const ExpiryScan scan{.after = ExpiryCursor{*key->expire_time, key->id},
                            .latest_first = latest_first};
      EXPECT_THAT(ExpiringIds(scan),
                  ElementsAreArray(all.begin() + static_cast<long>(i) + 1, all.end()));
    }
  }
}

TEST_P(IndexContractTest, AChangedExpiryMovesAKeyAndAStateDoesNot) {
  Put(Expiring(1, absl::Hours(1)));
  Put(Expiring(2, absl::Hours(2)));
  Put(Expiring(1, absl::Hours(3)));
  EXPECT_THAT(ExpiringIds({}), ElementsAre(Id(2), Id(1)));
  KeyRecord revoked = *Key(2);
  revoked.revocation = Revocation{.time = start_, .note = ""};
  Put(revoked);
  EXPECT_THAT(ExpiringIds({}), ElementsAre(Id(2), Id(1)));
  KeyRecord unending = *Key(1);
  unending.expire_time.reset();
  Put(unending);
  EXPECT_THAT(ExpiringIds({}), ElementsAre(Id(2)));
}

TEST_P(IndexContractTest, CountsOfExpiringKeysAreOfThoseThatWork) {
  for (int n = 1; n <= 6; ++n) Put(Expiring(n, absl::Hours(n)));
  KeyRecord disabled = *Key(2);
  disabled.disabled = true;
  Put(disabled);
  KeyRecord revoked = *Key(3);
  revoked.revocation = Revocation{.time = start_, .note = ""};
  Put(revoked);
  KeyRecord deleted = *Key(4);
  deleted.delete_time = start_;
  Put(deleted);
  EXPECT_THAT(Counts(absl::Hours(1), {absl::Hours(1), absl::Hours(2), absl::Hours(6)}),
              ElementsAre(0, 1, 2));
  EXPECT_THAT(Counts(absl::Hours(2), {absl::Hours(7), absl::Hours(100)}), ElementsAre(2, 2));
  EXPECT_THAT(Counts(absl::Hours(9), {absl::Hours(1)}), ElementsAre(0));
  EXPECT_THAT(Counts(absl::Hours(0), {}), IsEmpty());
  disabled.disabled = false;
  Put(disabled);
  EXPECT_THAT(Counts(absl::Hours(1), {absl::Hours(6)}), ElementsAre(3));
}

TEST_P(IndexContractTest, ARevokedKeyPastItsExpireTimeCountsAsRevoked) {
  Put(Expiring(1, absl::Hours(1)));
  KeyRecord revoked = *Key(1);
  revoked.revocation = Revocation{.time = start_, .note = ""};
  Put(revoked);
  const auto stats = store().Stats(start_ + absl::Hours(2));
  ASSERT_TRUE(stats.ok());
  EXPECT_EQ(stats->keys.at(KeyState::kRevoked), 1u);
  EXPECT_EQ(stats->keys.at(KeyState::kExpired), 0u);
}

}  // namespace
}  // namespace claviger
