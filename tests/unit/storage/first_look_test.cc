// Which damage to its logs keeps a store from opening, and that nothing else does.
#include "storage/rocksdb/first_look.h"

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "core/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "storage/rocksdb/schema.h"
#include "tests/unit/storage/rocksdb_testing.h"

namespace claviger {
namespace {

using testing::AnyOf;
using testing::HasSubstr;

namespace fs = std::filesystem;

class FirstLookTest : public RocksDbStoreTesting {
 protected:
  // Keys `first` to `last`, a change each.
  static void Issue(RocksDbStore& store, int first, int last) {
    for (int n = first; n <= last; ++n) {
      ASSERT_TRUE(CommitAndWait(store, Putting(TestKey(n))).ok());
    }
  }
  // Makes a table of what `family` has in memory, and begins another log.
  static void Flush(RocksDbStore& store, Family family) {
    const Database& database = store.database_for_tests();
    ASSERT_TRUE(database.db().Flush({}, database.family(family)).ok());
  }
  static void FlushAll(RocksDbStore& store) {
    const Database& database = store.database_for_tests();
    std::vector<rocksdb::ColumnFamilyHandle*> families;
    for (size_t i = 0; i < kFamilyNames.size(); ++i) {
      families.push_back(database.family(static_cast<Family>(i)));
    }
    ASSERT_TRUE(database.db().Flush({}, families).ok());
  }
  static void CountACheck(RocksDbStore& store, absl::Time now) {
    UsageDelta delta{.key_id = TestKeyId(1), .project_id = "default", .counts = {}, .last_use = {}};
    delta.hour = HourOf(now);
    delta.counts.Add(VerifyCode::kValid, 1);
    ASSERT_TRUE(store.AddUsage(std::vector<UsageDelta>{delta}).ok());
  }

  // Goes on in a copy of the folder as it is now, which is what a kill leaves, with a watermark
  // that tells of everything.
  void GoOnInACopyOf(const RocksDbStore& store) {
    while (ReadWatermark(WatermarkPath()).value()->revision < store.applied_revision()) {
      ASSERT_TRUE(store.health().writable.ok());
    }
    const std::string copy = dir_.Join("copy-" + std::to_string(++copies_));
    fs::create_directories(copy + "/db");
    for (const auto& entry : fs::recursive_directory_iterator(options_.data_dir)) {
      if (!entry.is_regular_file()) continue;
      const fs::path name = fs::relative(entry.path(), options_.data_dir);
      std::error_code error;
      fs::copy_file(entry.path(), copy / name, error);
      // What is not needed any more may go meanwhile.
      ASSERT_TRUE(!error || !fs::exists(entry.path())) << name << ": " << error.message();
    }
    options_.data_dir = copy;
  }

  // A killed store with revisions 1 to 5, 6 to 10 and 11 to 15 in three logs, in that order, and
  // in tables what one family has of the first two.
  void MakeStoreWithThreeLogs() {
    const auto store = Open();
    ASSERT_NE(store, nullptr);
    Issue(*store, 1, 5);
    CountACheck(*store, clock_.Now());
    Flush(*store, flushed_);
    Issue(*store, 6, 10);
    CountACheck(*store, clock_.Now());
    Flush(*store, flushed_);
    Issue(*store, 11, 15);
    GoOnInACopyOf(*store);
  }
  std::vector<std::string> Logs() const {
    std::vector<std::string> logs;
    for (const auto& path : DbFiles(".log")) {
      if (fs::file_size(path) > 0) logs.push_back(path.string());
    }
    std::sort(logs.begin(), logs.end());
    return logs;
  }

  void ExpectWhole(int keys) {
    const auto store = Open();
    ASSERT_NE(store, nullptr);
    EXPECT_EQ(store->applied_revision(), Revision{static_cast<uint64_t>(keys)});
    for (int n = 1; n <= keys; ++n) {
      EXPECT_NE(store->FindKey(TestKeyId(n)).value(), nullptr) << "key " << n;
    }
    EXPECT_EQ(store->VerifyAudit().value().revision, store->applied_revision());
    EXPECT_EQ(store->ReadEvents(Revision{0}, 1000).value().size(), static_cast<size_t>(keys));
  }
  void ExpectRefused(const testing::Matcher<std::string>& message) {
    // Twice: a start that is refused changes nothing.
    for (int i = 0; i < 2; ++i) {
      const absl::Status status = OpenError();
      EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
      EXPECT_EQ(DetailsOf(status).reason, Reason::kDataCorrupt);
      EXPECT_THAT(std::string(status.message()), message);
      EXPECT_THAT(std::string(status.message()), HasSubstr(options_.data_dir));
      EXPECT_THAT(std::string(status.message()), HasSubstr("restore a backup"));
    }
  }

  int copies_ = 0;
  // Counts are not history: the begin of all that is lies in the first log.
  Family flushed_ = Family::kUsage;
};

// ---- healthy stores ----

TEST_F(FirstLookTest, AFreshStoreOpensAgainAndAgain) {
  for (int i = 0; i < 12; ++i) ExpectWhole(0);
}

TEST_F(FirstLookTest, AStoreWithoutNewChangesOpensAgainAndAgain) {
  MakeStore(3);
  for (int i = 0; i < 12; ++i) ExpectWhole(3);
}

TEST_F(FirstLookTest, AStoreThatIsRestartedAfterEachChangeOpens) {
  for (int n = 1; n <= 12; ++n) {
    {
      const auto store = Open();
      ASSERT_NE(store, nullptr);
      Issue(*store, n, n);
    }
    if (n % 3 == 0) ExpectWhole(n);
  }
}

TEST_F(FirstLookTest, AStoreThatWasKilledWithChangesInItsLogOpens) {
  const auto store = Open();
  ASSERT_NE(store, nullptr);
  Issue(*store, 1, 5);
  GoOnInACopyOf(*store);
  ExpectWhole(5);
}

TEST_F(FirstLookTest, AStoreThatWasKilledAgainAndAgainOpens) {
  std::vector<std::unique_ptr<RocksDbStore>> killed;  // kept open: nothing of them is closed well
  for (int n = 1; n <= 6; ++n) {
    killed.push_back(Open());
    ASSERT_NE(killed.back(), nullptr);
    Issue(*killed.back(), n, n);
    GoOnInACopyOf(*killed.back());
  }
  ExpectWhole(6);
}

TEST_F(FirstLookTest, AStoreWithEverythingInTablesOpens) {
  const auto store = Open();
  ASSERT_NE(store, nullptr);
  Issue(*store, 1, 5);
  FlushAll(*store);
  GoOnInACopyOf(*store);
  ExpectWhole(5);
}

TEST_F(FirstLookTest, ALogOfCountsAloneIsNoGap) {
  const auto store = Open();
  ASSERT_NE(store, nullptr);
  Issue(*store, 1, 5);
  FlushAll(*store);
  CountACheck(*store, clock_.Now());
  GoOnInACopyOf(*store);
  ExpectWhole(5);
}

TEST_F(FirstLookTest, CountsBetweenChangesAreNoGap) {
  const auto store = Open();
  ASSERT_NE(store, nullptr);
  Issue(*store, 1, 2);
  CountACheck(*store, clock_.Now());
  Flush(*store, Family::kUsage);
  CountACheck(*store, clock_.Now());
  Flush(*store, Family::kUsage);
  Issue(*store, 3, 4);
  GoOnInACopyOf(*store);
  ExpectWhole(4);
}

// Each family keeps the log of its oldest row that is not in a table.
TEST_F(FirstLookTest, FamiliesThatReachedTheirTablesAtDifferentTimesAreWhole) {
  for (size_t i = 0; i < kFamilyNames.size(); ++i) {
    SCOPED_TRACE(std::string(kFamilyNames[i]));
    options_.data_dir = dir_.Join("data" + std::to_string(i));
    flushed_ = static_cast<Family>(i);
    MakeStoreWithThreeLogs();
    ExpectWhole(15);
  }
}

TEST_F(FirstLookTest, FamiliesInTablesOneAfterTheOtherAreWhole) {
  const auto store = Open();
  ASSERT_NE(store, nullptr);
  int n = 0;
  for (size_t i = 0; i < kFamilyNames.size(); ++i) {
    Issue(*store, n + 1, n + 2);
    n += 2;
    Flush(*store, static_cast<Family>(i));
  }
  GoOnInACopyOf(*store);
  ExpectWhole(n);
}

TEST_F(FirstLookTest, ALogThatIsInTablesAlreadyAndStillThereIsNoGap) {
  const auto store = Open();
  ASSERT_NE(store, nullptr);
  Issue(*store, 1, 5);
  const std::string log = Logs().front();
  fs::copy(log, dir_.Join("kept"));
  FlushAll(*store);
  Issue(*store, 6, 9);
  FlushAll(*store);
  Issue(*store, 10, 12);
  GoOnInACopyOf(*store);
  ASSERT_FALSE(fs::exists(DbPath() + "/" + fs::path(log).filename().string()));
  fs::copy(dir_.Join("kept"), DbPath() + "/" + fs::path(log).filename().string());
  ExpectWhole(12);
}

TEST_F(FirstLookTest, ALogOfTablesThatWereCutOffIsReadAgain) {
  MakeStore(5);
  // As a kill leaves it between the new log and the first row in it.
  std::ofstream(DbPath() + "/009999.log").flush();
  ExpectWhole(5);
}

TEST_F(FirstLookTest, AStoreThatKeepsOneEventOpens) {
  options_.event_retention = 1;
  const auto store = Open();
  ASSERT_NE(store, nullptr);
  Issue(*store, 1, 5);
  FlushAll(*store);
  Issue(*store, 6, 7);
  GoOnInACopyOf(*store);
  const auto copy = Open();
  ASSERT_NE(copy, nullptr);
  EXPECT_EQ(copy->applied_revision(), Revision{7});
  EXPECT_EQ(copy->ReadEvents(Revision{6}, 10).value().size(), 1u);
}

TEST_F(FirstLookTest, ARefusalAsTheLastEntryIsNoDamage) {
  {
    const auto store = Open();
    ASSERT_NE(store, nullptr);
    Issue(*store, 1, 2);
    ChangeSet refusal;
    refusal.only_audit = true;
    refusal.audit.action = "RevokeKey";
    refusal.audit.refusal = "PERMISSION_DENIED";
    ASSERT_TRUE(CommitAndWait(*store, Giving(refusal)).ok());
  }
  const auto store = Open();
  ASSERT_NE(store, nullptr);
  EXPECT_EQ(store->applied_revision(), Revision{3});
}

TEST_F(FirstLookTest, ABatchOfManyChangesIsNoGap) {
  {
    const auto store = Open();
    ASSERT_NE(store, nullptr);
    std::vector<PendingCommit> pending;
    for (int n = 1; n <= 200; ++n) pending.emplace_back(*store, Putting(TestKey(n)));
    for (const PendingCommit& commit : pending) ASSERT_TRUE(commit.Wait().ok());
  }
  ExpectWhole(200);
}

// As a backup is put back: a copy of the folder, taken later than its first tables.
TEST_F(FirstLookTest, ACopyThatIsPutBackOpensUnderANewEpoch) {
  {
    const auto store = Open();
    ASSERT_NE(store, nullptr);
    Issue(*store, 1, 5);
    FlushAll(*store);
    Issue(*store, 6, 8);
    GoOnInACopyOf(*store);
    Issue(*store, 9, 12);
  }
  options_.accept_older_state = true;
  ExpectWhole(8);
  options_.accept_older_state = false;
  ExpectWhole(8);
}

TEST_F(FirstLookTest, AnUnfinishedLastChangeIsNoDamage) {
  MakeStore(5);
  const Epoch epoch = ReadWatermark(WatermarkPath()).value()->epoch;
  ASSERT_TRUE(WriteWatermark(WatermarkPath(), {epoch, Revision{4}}).ok());
  const std::string log = Logs().back();
  fs::resize_file(log, fs::file_size(log) - 1);
  ExpectWhole(4);
}

// ---- damaged ones ----

TEST_F(FirstLookTest, ALogBetweenOthersThatIsCutIsFound) {
  MakeStoreWithThreeLogs();
  const std::vector<std::string> logs = Logs();
  ASSERT_EQ(logs.size(), 3u);
  fs::resize_file(logs[1], fs::file_size(logs[1]) / 2);
  ExpectRefused(HasSubstr("have a gap"));
}

TEST_F(FirstLookTest, ALogBetweenOthersThatIsEmptyIsFound) {
  MakeStoreWithThreeLogs();
  fs::resize_file(Logs().at(1), 0);
  ExpectRefused(HasSubstr("have a gap"));
}

TEST_F(FirstLookTest, ALogBetweenOthersThatIsGoneIsFound) {
  MakeStoreWithThreeLogs();
  fs::remove(Logs().at(1));
  ExpectRefused(HasSubstr("have a gap"));
}

TEST_F(FirstLookTest, ALogBetweenOthersThatIsZerosIsFound) {
  MakeStoreWithThreeLogs();
  const std::string log = Logs().at(1);
  const auto size = fs::file_size(log);
  std::ofstream(log, std::ios::binary | std::ios::trunc) << std::string(size, '\0');
  ExpectRefused(HasSubstr("have a gap"));
}

TEST_F(FirstLookTest, SectorsOfZerosInALogBetweenOthersAreFound) {
  MakeStoreWithThreeLogs();
  const std::string log = Logs().at(1);
  std::fstream file(log, std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(512);
  file << std::string(512, '\0');
  file.close();
  ExpectRefused(AnyOf(HasSubstr("have a gap"), HasSubstr("checksum mismatch")));
}

TEST_F(FirstLookTest, AnOldestLogThatIsGoneIsFound) {
  MakeStoreWithThreeLogs();
  fs::remove(Logs().front());
  ExpectRefused(HasSubstr("begin with revision 6, but revision 5 is not in the tables"));
}

TEST_F(FirstLookTest, ANewestLogThatIsGoneIsFound) {
  MakeStoreWithThreeLogs();
  fs::remove(Logs().back());
  ExpectRefused(HasSubstr("revision 15 was acknowledged"));
}

TEST_F(FirstLookTest, TheOnlyLogWithSomeFamiliesInTablesThatIsGoneIsFound) {
  const auto store = Open();
  ASSERT_NE(store, nullptr);
  Issue(*store, 1, 5);
  Flush(*store, Family::kMeta);
  GoOnInACopyOf(*store);
  for (const std::string& log : Logs()) fs::remove(log);
  ExpectRefused(HasSubstr("its audit log ends at 0"));
}

// What comes after the gap is left out, and what is before it is whole.
TEST_F(FirstLookTest, AcceptingAnOlderStateOpensAtTheGap) {
  MakeStoreWithThreeLogs();
  const Epoch epoch = ReadWatermark(WatermarkPath()).value()->epoch;
  fs::remove(Logs().at(1));
  options_.accept_older_state = true;
  {
    const auto store = Open();
    ASSERT_NE(store, nullptr);
    EXPECT_EQ(CommitAndWait(*store, Putting(TestKey(30))).value().revision, Revision{6});
    EXPECT_EQ(store->VerifyAudit().value().revision, Revision{6});
  }
  options_.accept_older_state = false;
  const auto store = Open();
  ASSERT_NE(store, nullptr);
  EXPECT_NE(store->epoch(), epoch);
  EXPECT_EQ(store->applied_revision(), Revision{6});
  EXPECT_EQ(store->FindKey(TestKeyId(6)).value(), nullptr);
  EXPECT_EQ(store->FindKey(TestKeyId(11)).value(), nullptr);
}

// What is before the gap is not whole then, so that leaving out the rest is no way out.
TEST_F(FirstLookTest, AFamilyWithTablesOfAfterTheGapIsNotOpenedAtAll) {
  flushed_ = Family::kMeta;
  MakeStoreWithThreeLogs();
  fs::remove(Logs().at(1));
  for (const bool accept : {false, true}) {
    options_.accept_older_state = accept;
    ExpectRefused(HasSubstr("is at revision 10, but its audit log ends at 5"));
  }
}

TEST_F(FirstLookTest, AGapBehindAMissingBeginIsNotOpenedAtAll) {
  const auto store = Open();
  ASSERT_NE(store, nullptr);
  for (int n = 1; n <= 7; n += 2) {
    Issue(*store, n, n + 1);
    CountACheck(*store, clock_.Now());
    Flush(*store, Family::kUsage);
  }
  GoOnInACopyOf(*store);
  const std::vector<std::string> logs = Logs();
  ASSERT_GE(logs.size(), 4u);
  fs::remove(logs[0]);
  fs::remove(logs[2]);
  for (const bool accept : {false, true}) {
    options_.accept_older_state = accept;
    ExpectRefused(HasSubstr("begin with revision 3, but revision 2 is not in the tables"));
  }
}

}  // namespace
}  // namespace claviger
