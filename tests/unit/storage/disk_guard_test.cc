#include "storage/rocksdb/disk_guard.h"

#include <atomic>
#include <thread>

#include "core/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/temp_dir.h"

namespace claviger {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;
constexpr DiskMarks kMarks{.growth = 256 * kMiB, .reduction = 64 * kMiB};

TEST(DiskGuardTest, GrowthIsRefusedBeforeReduction) {
  const struct {
    uint64_t free_mib;
    bool growth;
    bool reduction;
  } cases[] = {{1000, true, true}, {256, true, true},  {255, false, true},
               {64, false, true},  {63, false, false}, {0, false, false}};
  for (const auto& [free_mib, growth, reduction] : cases) {
    SCOPED_TRACE(free_mib);
    const DiskGuard guard([free = free_mib * kMiB] { return free; }, kMarks, nullptr);
    EXPECT_EQ(guard.Admit(Admission::kGrowth).ok(), growth);
    EXPECT_EQ(guard.Admit(Admission::kReduction).ok(), reduction);
  }
}

TEST(DiskGuardTest, RefusalSaysWhyAndWhenToTryAgain) {
  const DiskGuard guard([] { return 10 * kMiB; }, kMarks, nullptr);
  const absl::Status status = guard.Admit(Admission::kGrowth);
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(DetailsOf(status).reason, Reason::kStoreFull);
  EXPECT_TRUE(DetailsOf(status).retry_after.has_value());
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr("10 MiB free"));
}

TEST(DiskGuardTest, DiskThatCannotBeMeasuredAdmitsNothing) {
  const DiskGuard guard([] { return absl::UnavailableError("statvfs"); }, {1, 1}, nullptr);
  EXPECT_EQ(guard.Admit(Admission::kReduction), absl::UnavailableError("statvfs"));
}

class DiskGuardRoomTest : public testing::Test {
 protected:
  // A disk on which the ballast is the only file.
  uint64_t Free() const { return free_ + (ballast_.full_bytes() - ballast_.bytes()); }

  TempDir dir_;
  std::atomic<uint64_t> free_ = 1000 * kMiB;
  Ballast ballast_{dir_.Join("ballast"), 8 * kMiB};
  DiskGuard guard_{[this] { return Free(); }, kMarks, &ballast_};
};

TEST_F(DiskGuardRoomTest, EssentialWriteTakesItsRoomFromTheBallastAndNoMore) {
  ASSERT_EQ(ballast_.Fill(), absl::OkStatus());
  free_ = 0;
  EXPECT_TRUE(guard_.MakeRoom(1000, DiskUse::kEssential));
  EXPECT_EQ(ballast_.bytes(), 7 * kMiB);
  EXPECT_TRUE(guard_.MakeRoom(1000, DiskUse::kEssential));
  EXPECT_EQ(ballast_.bytes(), 7 * kMiB);
  EXPECT_TRUE(guard_.MakeRoom(3 * kMiB, DiskUse::kEssential));
  EXPECT_EQ(ballast_.bytes(), 4 * kMiB);
}

TEST_F(DiskGuardRoomTest, ReductionsCountTheBallastAndGrowthDoesNot) {
  const Ballast none(dir_.Join("none"), 0);
  Ballast large(dir_.Join("large"), 64 * kMiB);
  ASSERT_EQ(large.Fill(), absl::OkStatus());
  const DiskGuard guard([] { return uint64_t{0}; }, kMarks, &large);
  EXPECT_EQ(guard.Admit(Admission::kReduction), absl::OkStatus());
  EXPECT_TRUE(absl::IsResourceExhausted(guard.Admit(Admission::kGrowth)));
  large.GiveBack(1);
  EXPECT_TRUE(absl::IsResourceExhausted(guard.Admit(Admission::kReduction)));
}

TEST_F(DiskGuardRoomTest, WriteThatFindsNoRoomWaitsAndNothingIsAdmittedMeanwhile) {
  free_ = 0;
  ballast_.GiveBack(ballast_.bytes());
  const uint64_t hidden = ballast_.full_bytes();  // Free counts it, as it is not on the disk
  std::atomic<uint64_t> free = 0;
  DiskGuard guard([&free] { return free.load(); }, {.growth = 0, .reduction = 0}, nullptr);
  std::thread writer([&] { EXPECT_TRUE(guard.MakeRoom(hidden, DiskUse::kEssential)); });
  while (guard.Admit(Admission::kReduction).ok()) std::this_thread::yield();
  EXPECT_EQ(DetailsOf(guard.Admit(Admission::kReduction)).reason, Reason::kStoreFull);
  free = 1000 * kMiB;
  writer.join();
  EXPECT_EQ(guard.Admit(Admission::kGrowth), absl::OkStatus());
}

TEST_F(DiskGuardRoomTest, CompactionWaitsAtHalfTheGrowthMarkAndLeavesTheBallast) {
  ASSERT_EQ(ballast_.Fill(), absl::OkStatus());
  free_ = kMarks.growth / 2 + kMiB;
  EXPECT_TRUE(guard_.MakeRoom(kMiB / 2, DiskUse::kCompaction));
  free_ = kMarks.growth / 2;
  std::atomic<bool> fits = true;
  std::thread compaction([&] { fits = guard_.MakeRoom(kMiB, DiskUse::kCompaction); });
  StoreHealth health;
  while (!health.disk.compaction_waits) guard_.Describe(health);
  EXPECT_EQ(health.reduction, absl::OkStatus());
  guard_.StopWaiting(DiskUse::kCompaction);
  compaction.join();
  EXPECT_FALSE(fits);
  EXPECT_EQ(ballast_.bytes(), 8 * kMiB);
}

TEST_F(DiskGuardRoomTest, SmallFileIsWrittenAgainWhenTheBallastMadeRoom) {
  ASSERT_EQ(ballast_.Fill(), absl::OkStatus());
  int writes = 0;
  const absl::Status written = guard_.WriteSmallFile(
      [&] { return ++writes < 3 ? absl::ResourceExhaustedError("full") : absl::OkStatus(); });
  EXPECT_EQ(written, absl::OkStatus());
  EXPECT_EQ(ballast_.bytes(), 6 * kMiB);
  EXPECT_EQ(guard_.WriteSmallFile([] { return absl::UnavailableError("broken"); }),
            absl::UnavailableError("broken"));
}

TEST_F(DiskGuardRoomTest, NothingWaitsOnceTheStoreCloses) {
  guard_.StopWaiting(DiskUse::kEssential);
  EXPECT_TRUE(absl::IsResourceExhausted(
      guard_.WriteSmallFile([] { return absl::ResourceExhaustedError("full"); })));
}

TEST_F(DiskGuardRoomTest, BallastComesBackWhereItLeavesWhatGrowthNeeds) {
  free_ = 280 * kMiB;  // with what the ballast would take, less than an eighth above the mark
  EXPECT_EQ(guard_.RestoreBallast(), absl::OkStatus());
  EXPECT_EQ(ballast_.bytes(), 0);
  free_ = 300 * kMiB;
  EXPECT_EQ(guard_.RestoreBallast(), absl::OkStatus());
  EXPECT_EQ(ballast_.bytes(), 8 * kMiB);
}

}  // namespace
}  // namespace claviger
