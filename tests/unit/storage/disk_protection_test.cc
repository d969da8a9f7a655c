// What a store does about its disk when it is opened and closed.
#include "storage/rocksdb/disk_protection.h"

#include <atomic>
#include <filesystem>
#include <thread>

#include "core/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/storage/rocksdb_testing.h"

namespace claviger {
namespace {

using testing::HasSubstr;

constexpr uint64_t kMiB = uint64_t{1} << 20;

class DiskProtectionTest : public RocksDbStoreTesting {
 protected:
  DiskProtectionTest() {
    options_.growth_reserve_bytes = 32 * kMiB;
    options_.reduction_reserve_bytes = 8 * kMiB;
    options_.ballast_bytes = 16 * kMiB;
    options_.free_bytes = [this] { return free_.load(); };
  }
  std::string BallastPath() const { return options_.data_dir + "/ballast"; }
  uint64_t BallastBytes() const {
    std::error_code error;
    const auto size = std::filesystem::file_size(BallastPath(), error);
    return error ? 0 : size;
  }

  std::atomic<uint64_t> free_ = 1000 * kMiB;
};

TEST_F(DiskProtectionTest, ANewStoreThatWouldRefuseEverythingIsNotMade) {
  free_ = 40 * kMiB;
  const absl::Status opened = OpenError();
  EXPECT_EQ(DetailsOf(opened).reason, Reason::kStoreFull);
  EXPECT_THAT(std::string(opened.message()), HasSubstr("40 MiB free"));
  EXPECT_THAT(std::string(opened.message()), HasSubstr("--disk-reserve"));
  EXPECT_FALSE(std::filesystem::exists(DbPath() + "/CURRENT"));
  free_ = 48 * kMiB;
  EXPECT_EQ(OpenError(), absl::OkStatus());
}

TEST_F(DiskProtectionTest, AnOldStoreOpensOnAFullDiskOutOfItsBallast) {
  MakeStore(3);
  EXPECT_EQ(BallastBytes(), 16 * kMiB);
  free_ = 0;
  // Here the disk is full whatever is given back, so that opening takes all of it.
  const absl::Status opened = OpenError();
  EXPECT_EQ(DetailsOf(opened).reason, Reason::kStoreFull) << opened;
  options_.free_bytes = [this] { return free_ + (16 * kMiB - BallastBytes()); };
  free_ = 1000 * kMiB;
  ASSERT_NE(Open(), nullptr);
  free_ = 0;
  const auto store = Open();
  ASSERT_NE(store, nullptr);
  EXPECT_NE(*store->FindKey(TestKeyId(3)), nullptr);
  EXPECT_LT(BallastBytes(), 16 * kMiB);
  EXPECT_GT(BallastBytes(), 8 * kMiB);
  EXPECT_EQ(store->health().writable, absl::OkStatus());
  EXPECT_EQ(DetailsOf(store->health().growth).reason, Reason::kStoreFull);
  EXPECT_EQ(store->health().reduction, absl::OkStatus());
}

TEST_F(DiskProtectionTest, WithoutRoomForItsLogAStoreIsNotOpenedAndSaysWhatIsNeeded) {
  MakeStore(3);
  std::filesystem::remove(BallastPath());
  free_ = kMiB / 2;
  const absl::Status opened = OpenError();
  EXPECT_EQ(DetailsOf(opened).reason, Reason::kStoreFull) << opened;
  EXPECT_THAT(std::string(opened.message()), HasSubstr("2 MiB are needed"));
  free_ = 1000 * kMiB;
  EXPECT_EQ(OpenError(), absl::OkStatus());
}

TEST_F(DiskProtectionTest, TheWatermarkIsWrittenOnAFullDisk) {
  options_.free_bytes = [this] { return free_ + (16 * kMiB - BallastBytes()); };
  const auto store = Open();
  ASSERT_NE(store, nullptr);
  ASSERT_TRUE(CommitAndWait(*store, Putting(TestKey(1))).ok());
  free_ = 0;
  ChangeSet revoke;
  revoke.put_keys = {TestKey(1)};
  revoke.put_keys[0].display_name = "changed";
  revoke.admission = Admission::kReduction;
  ASSERT_TRUE(CommitAndWait(*store, [&](const StateReader&) { return revoke; }).ok());
  store->Close();
  EXPECT_EQ(store->health().writable, absl::OkStatus());
  const auto watermark = ReadWatermark(WatermarkPath());
  ASSERT_TRUE(watermark.ok() && watermark->has_value());
  EXPECT_EQ((*watermark)->revision, store->applied_revision());
}

TEST_F(DiskProtectionTest, AStoreClosesWhileACompactionWaitsForRoom) {
  auto store = Open();
  ASSERT_NE(store, nullptr);
  for (int n = 1; n <= 20; ++n) ASSERT_TRUE(CommitAndWait(*store, Putting(TestKey(n))).ok());
  store->Close();
  store.reset();
  // Enough tables for a compaction, made behind the store's back. They overlap with one that is
  // compacted already: else they would be moved instead of merged.
  {
    Tuning tuning = MakeTuning(options_.memory_bytes, clock_);
    for (auto& family : tuning.families) family.options.disable_auto_compactions = true;
    const auto database = Database::Open(DbPath(), tuning);
    ASSERT_TRUE(database.ok()) << database.status();
    auto* events = (*database)->family(Family::kEvents);
    for (int table = 0; table < 8; ++table) {
      rocksdb::WriteBatch rows;
      ASSERT_TRUE(rows.Put(events, RevisionRow(Revision{1}), std::to_string(table)).ok());
      ASSERT_EQ((*database)->Write(rows), absl::OkStatus());
      ASSERT_TRUE((*database)->db().Flush({}, events).ok());
      if (table > 0) continue;
      ASSERT_TRUE((*database)->db().CompactRange({}, events, nullptr, nullptr).ok());
    }
  }
  free_ = 12 * kMiB;  // below half of the reserve
  store = Open();
  ASSERT_NE(store, nullptr);
  while (!store->health().disk.compaction_waits) std::this_thread::yield();
  EXPECT_EQ(store->health().writable, absl::OkStatus());
  store.reset();
  free_ = 1000 * kMiB;
  store = Open();
  ASSERT_NE(store, nullptr);
  EXPECT_NE(*store->FindKey(TestKeyId(20)), nullptr);
}

}  // namespace
}  // namespace claviger
