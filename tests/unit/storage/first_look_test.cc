// Healthy stores that might look damaged: each opens.
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/storage/first_look_testing.h"

namespace claviger {
namespace {

namespace fs = std::filesystem;

class FirstLookTest : public FirstLookTesting {};

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

TEST_F(FirstLookTest, AStartThatIsRefusedByTheWatermarkChangesNothing) {
  MakeStore(5);
  const std::vector<std::string> logs = Logs();
  ASSERT_EQ(logs.size(), 1u);
  fs::rename(logs.front(), dir_.Join("away"));
  for (int i = 0; i < 2; ++i) {
    const absl::Status refused = OpenError();
    EXPECT_TRUE(absl::IsDataLoss(refused)) << refused;
    EXPECT_THAT(std::string(refused.message()), testing::HasSubstr("watermark"));
  }
  fs::rename(dir_.Join("away"), logs.front());
  ExpectWhole(5);
}

TEST_F(FirstLookTest, AFamilyThatIsGoneIsRefused) {
  MakeStore(5);
  {
    const auto database = OpenRaw();
    ASSERT_NE(database, nullptr);
    ASSERT_TRUE(database->db().DropColumnFamily(database->family(Family::kImported)).ok());
  }
  const absl::Status refused = OpenError();
  EXPECT_TRUE(absl::IsDataLoss(refused)) << refused;
  EXPECT_THAT(std::string(refused.message()),
              testing::AllOf(testing::HasSubstr(DbPath()), testing::HasSubstr("lacks families"),
                             testing::HasSubstr("restore a backup")));
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

}  // namespace
}  // namespace claviger
