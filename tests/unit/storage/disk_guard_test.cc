#include "storage/rocksdb/disk_guard.h"

#include "core/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace claviger {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;

TEST(DiskGuardTest, GrowthIsRefusedBeforeReduction) {
  const struct {
    uint64_t free_mib;
    bool growth;
    bool reduction;
  } cases[] = {{1000, true, true}, {256, true, true},  {255, false, true},
               {64, false, true},  {63, false, false}, {0, false, false}};
  for (const auto& [free_mib, growth, reduction] : cases) {
    SCOPED_TRACE(free_mib);
    const DiskGuard guard([free = free_mib * kMiB] { return free; }, 256 * kMiB, 64 * kMiB);
    EXPECT_EQ(guard.Admit(Admission::kGrowth).ok(), growth);
    EXPECT_EQ(guard.Admit(Admission::kReduction).ok(), reduction);
  }
}

TEST(DiskGuardTest, RefusalSaysWhyAndWhenToTryAgain) {
  const DiskGuard guard([] { return 10 * kMiB; }, 256 * kMiB, 64 * kMiB);
  const absl::Status status = guard.Admit(Admission::kGrowth);
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(DetailsOf(status).reason, Reason::kStoreFull);
  EXPECT_TRUE(DetailsOf(status).retry_after.has_value());
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr("10 MiB free"));
}

TEST(DiskGuardTest, DiskThatCannotBeMeasuredAdmitsNothing) {
  const DiskGuard guard([] { return absl::UnavailableError("statvfs"); }, 1, 1);
  EXPECT_EQ(guard.Admit(Admission::kReduction), absl::UnavailableError("statvfs"));
}

}  // namespace
}  // namespace claviger
