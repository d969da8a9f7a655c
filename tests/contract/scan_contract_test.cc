// Lists of keys and projects.
#include <algorithm>

#include "tests/contract/key_store_contract.h"

namespace claviger {
namespace {

using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::IsEmpty;

std::string Id(int n) { return TestKeyId(n).ToString(); }

class ScanContractTest : public KeyStoreContract {
 protected:
  const absl::Time start_ = clock_.Now();

  void PutKey(int n, std::string_view project_id, absl::Time create_time) {
    ASSERT_TRUE(Commit(Putting(TestKey(n, project_id, create_time))).ok());
  }

  KeyRecord DeletedKey(int n, absl::Time delete_time) const {
    KeyRecord key = TestKey(n, "a", start_);
    key.revocation = Revocation{.time = start_, .note = {}};
    key.delete_time = delete_time;
    return key;
  }
  std::vector<std::string> DeletedIds(const DeletionScan& scan) {
    std::vector<std::string> ids;
    const absl::Status status = store().ScanDeletedKeys(scan, [&ids](const KeyRecord& key) {
      ids.push_back(key.id.ToString());
      return true;
    });
    EXPECT_TRUE(status.ok()) << status;
    return ids;
  }

  // Six keys in "a"; 2, 3 and 4 of the same moment.
  void PutSixKeys() {
    PutKey(3, "a", start_ + absl::Seconds(2));
    PutKey(1, "a", start_ + absl::Seconds(1));
    PutKey(4, "a", start_ + absl::Seconds(2));
    PutKey(2, "a", start_ + absl::Seconds(2));
    PutKey(6, "a", absl::FromUnixSeconds(-1));
    PutKey(5, "a", start_ + absl::Seconds(3));
  }
  const std::vector<int> newest_first_ = {5, 2, 3, 4, 1, 6};
};
INSTANTIATE_TEST_SUITE_P(Stores, ScanContractTest, EveryStore(), NameOfStore);

TEST_P(ScanContractTest, NewestComesFirstAndIdsDecideWithinAMoment) {
  PutSixKeys();
  std::vector<std::string> expected;
  for (int n : newest_first_) expected.push_back(Id(n));
  EXPECT_THAT(ScannedIds({.project_id = "a"}), ElementsAreArray(expected));
}

TEST_P(ScanContractTest, OldestFirstIsTheExactReverse) {
  PutSixKeys();
  auto expected = ScannedIds({.project_id = "a"});
  std::reverse(expected.begin(), expected.end());
  EXPECT_THAT(ScannedIds({.project_id = "a", .oldest_first = true}), ElementsAreArray(expected));
}

TEST_P(ScanContractTest, ScanGoesOnBehindEachCursorInBothDirections) {
  PutSixKeys();
  for (const bool oldest_first : {false, true}) {
    const auto all = ScannedIds({.project_id = "a", .oldest_first = oldest_first});
    ASSERT_EQ(all.size(), 6u);
    for (size_t i = 0; i < all.size(); ++i) {
      SCOPED_TRACE(fmt::format("behind {} of 6, oldest first: {}", i + 1, oldest_first));
      const auto key = store().FindKey(*KeyId::Parse(all[i])).value();
      const KeyScan scan{.project_id = "a",
                         .after = KeyCursor{key->create_time, key->id},
                         .oldest_first = oldest_first};
      EXPECT_THAT(ScannedIds(scan),
                  ElementsAreArray(all.begin() + static_cast<long>(i) + 1, all.end()));
    }
  }
}

TEST_P(ScanContractTest, CursorNeedNotNameAKeyThatExists) {
  PutSixKeys();
  KeyScan scan{.project_id = "a", .after = KeyCursor{start_ + absl::Seconds(2), TestKeyId(99)}};
  EXPECT_THAT(ScannedIds(scan), ElementsAre(Id(1), Id(6)));
  scan.oldest_first = true;
  EXPECT_THAT(ScannedIds(scan), ElementsAre(Id(4), Id(3), Id(2), Id(5)));
}

TEST_P(ScanContractTest, ProjectsWhoseNamesBeginAlikeDoNotMix) {
  PutKey(1, "a", start_);
  PutKey(2, "ab", start_);
  PutKey(3, "a-b", start_);
  EXPECT_THAT(ScannedIds({.project_id = "a"}), ElementsAre(Id(1)));
  EXPECT_THAT(ScannedIds({.project_id = "ab"}), ElementsAre(Id(2)));
  EXPECT_THAT(ScannedIds({.project_id = "a-b"}), ElementsAre(Id(3)));
  EXPECT_THAT(ScannedIds({.project_id = "b"}), IsEmpty());
  EXPECT_THAT(ScannedIds({.project_id = "a", .oldest_first = true}), ElementsAre(Id(1)));
}

TEST_P(ScanContractTest, VisitorEndsTheScan) {
  PutSixKeys();
  int visited = 0;
  ASSERT_TRUE(
      store().ScanKeys({.project_id = "a"}, [&](const KeyRecord&) { return ++visited < 2; }).ok());
  EXPECT_EQ(visited, 2);
}

TEST_P(ScanContractTest, ScanDoesNotSeeWhatIsCommittedMeanwhile) {
  PutKey(1, "a", start_);
  PutKey(2, "a", start_ - absl::Seconds(1));
  std::vector<std::string> names;
  ASSERT_TRUE(store()
                  .ScanKeys({.project_id = "a"},
                            [&](const KeyRecord& key) {
                              names.push_back(key.display_name);
                              KeyRecord renamed = TestKey(2, "a", start_ - absl::Seconds(1));
                              renamed.display_name = "renamed meanwhile";
                              EXPECT_TRUE(Commit(Putting(renamed)).ok());
                              EXPECT_TRUE(
                                  Commit(Putting(TestKey(3, "a", start_ - absl::Seconds(2)))).ok());
                              return true;
                            })
                  .ok());
  EXPECT_THAT(names, ElementsAre("key 1", "key 2"));
  EXPECT_EQ(Key(2)->display_name, "renamed meanwhile");
}

TEST_P(ScanContractTest, ChangedKeyKeepsItsPlace) {
  PutSixKeys();
  const auto before = ScannedIds({.project_id = "a"});
  KeyRecord changed = *Key(1);
  changed.update_time = start_ + absl::Hours(5);
  changed.expire_time = start_ + absl::Hours(6);
  ASSERT_TRUE(Commit(Putting(changed)).ok());
  EXPECT_EQ(ScannedIds({.project_id = "a"}), before);
}

TEST_P(ScanContractTest, ProjectHasKeysFromItsFirstKeyOn) {
  EXPECT_FALSE(store().ProjectHasKeys("a").value());
  PutKey(1, "ab", start_);
  EXPECT_FALSE(store().ProjectHasKeys("a").value());
  PutKey(2, "a", start_);
  EXPECT_TRUE(store().ProjectHasKeys("a").value());
}

TEST_P(ScanContractTest, DeletedKeysComeByDeleteTimeUpToTheGivenOne) {
  const auto deleted = [this](int n, absl::Time time) { return DeletedKey(n, time); };
  const auto until = [this](absl::Time time) {
    return DeletedIds({.until = time, .after = std::nullopt});
  };
  PutKey(1, "a", start_);
  ASSERT_TRUE(Commit(Putting(deleted(2, start_ + absl::Seconds(2)))).ok());
  ASSERT_TRUE(Commit(Putting(deleted(3, start_ + absl::Seconds(1)))).ok());
  ASSERT_TRUE(Commit(Putting(deleted(4, start_ + absl::Seconds(1)))).ok());
  EXPECT_THAT(until(start_ + absl::Seconds(2)), ElementsAre(Id(3), Id(4), Id(2)));
  EXPECT_THAT(until(start_ + absl::Seconds(2) - absl::Nanoseconds(1)), ElementsAre(Id(3), Id(4)));
  EXPECT_THAT(until(start_), IsEmpty());

  // Shown again, deleted anew, and gone for good.
  KeyRecord shown = deleted(3, start_);
  shown.delete_time.reset();
  ASSERT_TRUE(Commit(Putting(shown)).ok());
  ASSERT_TRUE(Commit(Putting(deleted(4, start_ + absl::Seconds(5)))).ok());
  EXPECT_THAT(until(start_ + absl::Seconds(9)), ElementsAre(Id(2), Id(4)));
  ChangeSet purge;
  purge.delete_keys.push_back(TestKeyId(2));
  ASSERT_TRUE(Commit(Giving(purge)).ok());
  EXPECT_THAT(until(start_ + absl::Seconds(9)), ElementsAre(Id(4)));
  EXPECT_THAT(ScannedIds({.project_id = "a"}), ElementsAre(Id(1), Id(3), Id(4)));

  int visited = 0;
  ASSERT_TRUE(Commit(Putting(deleted(3, start_))).ok());
  ASSERT_TRUE(store()
                  .ScanDeletedKeys({.until = start_ + absl::Seconds(9), .after = std::nullopt},
                                   [&](const KeyRecord&) { return ++visited < 1; })
                  .ok());
  EXPECT_EQ(visited, 1);
}

TEST_P(ScanContractTest, DeletedKeysUntilTheEndOfTimeAreAll) {
  ASSERT_TRUE(Commit(Putting(DeletedKey(1, start_))).ok());
  EXPECT_THAT(DeletedIds({.until = absl::InfiniteFuture(), .after = std::nullopt}),
              ElementsAre(Id(1)));
}

TEST_P(ScanContractTest, DeletedKeysGoOnBehindTheCursor) {
  const auto at = [this](int seconds) { return start_ + absl::Seconds(seconds); };
  ASSERT_TRUE(Commit(Putting(DeletedKey(4, at(1)))).ok());
  ASSERT_TRUE(Commit(Putting(DeletedKey(2, at(2)))).ok());
  ASSERT_TRUE(Commit(Putting(DeletedKey(3, at(2)))).ok());
  ASSERT_TRUE(Commit(Putting(DeletedKey(1, at(3)))).ok());
  const auto behind = [&](int seconds, int n) {
    return DeletedIds({.until = at(3), .after = DeletionCursor{at(seconds), TestKeyId(n)}});
  };
  EXPECT_THAT(behind(1, 4), ElementsAre(Id(2), Id(3), Id(1)));
  EXPECT_THAT(behind(2, 2), ElementsAre(Id(3), Id(1)));
  EXPECT_THAT(behind(2, 3), ElementsAre(Id(1)));
  EXPECT_THAT(behind(3, 1), IsEmpty());
  // Of no key that exists, and behind the end.
  EXPECT_THAT(behind(1, 99), ElementsAre(Id(2), Id(3), Id(1)));
  EXPECT_THAT(behind(0, 1), ElementsAre(Id(4), Id(2), Id(3), Id(1)));
  EXPECT_THAT(behind(9, 1), IsEmpty());
  EXPECT_THAT(DeletedIds({.until = at(2), .after = DeletionCursor{at(2), TestKeyId(2)}}),
              ElementsAre(Id(3)));
  // The key of the cursor is gone, as after a purge.
  ChangeSet purge;
  purge.delete_keys.push_back(TestKeyId(2));
  ASSERT_TRUE(Commit(Giving(purge)).ok());
  EXPECT_THAT(behind(2, 2), ElementsAre(Id(3), Id(1)));
}

TEST_P(ScanContractTest, ProjectsComeByIdBehindTheGivenOne) {
  for (const char* id : {"b", "default", "a", "b-1"}) {
    ASSERT_TRUE(Commit(Putting(TestProject(id))).ok());
  }
  const auto behind = [this](const std::string& after) {
    std::vector<std::string> ids;
    const auto status = store().ScanProjects(after, [&ids](const ProjectRecord& project) {
      ids.push_back(project.project_id);
      return true;
    });
    EXPECT_TRUE(status.ok()) << status;
    return ids;
  };
  EXPECT_THAT(behind(""), ElementsAre("a", "b", "b-1", "default"));
  EXPECT_THAT(behind("b"), ElementsAre("b-1", "default"));
  EXPECT_THAT(behind("aa"), ElementsAre("b", "b-1", "default"));
  EXPECT_THAT(behind("default"), IsEmpty());
}

}  // namespace
}  // namespace claviger
