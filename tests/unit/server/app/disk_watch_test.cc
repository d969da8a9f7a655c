#include "server/app/disk_watch.h"

#include <string>
#include <vector>

#include "core/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/logging/log.h"
#include "storage/rocksdb/disk_guard.h"

namespace claviger {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr uint64_t kMiB = uint64_t{1} << 20;

class DiskWatchTest : public testing::Test {
 protected:
  DiskWatchTest() {
    log::InitWithSink({}, [this](std::string_view line) { lines_.emplace_back(line); });
  }
  ~DiskWatchTest() override { log::Init({}); }

  // The lines that a look at so much free space makes.
  std::vector<std::string> Look(uint64_t free_mib) {
    free_ = free_mib * kMiB;
    lines_.clear();
    watch_.Look();
    watch_.Look();
    return lines_;
  }

  StoreHealth Health() const {
    StoreHealth health;
    DiskGuard([this] { return free_; }, {.growth = 256 * kMiB, .reduction = 64 * kMiB}, nullptr)
        .Describe(health);
    health.disk.ballast_bytes = ballast_;
    health.damage = damage_;
    health.disk.full_ballast_bytes = 128 * kMiB;
    return health;
  }

  uint64_t free_ = 1000 * kMiB;
  uint64_t ballast_ = 128 * kMiB;
  absl::Status restored_;
  absl::Status damage_;
  std::vector<std::string> lines_;
  ServerMetrics metrics_{"1"};
  DiskWatch watch_{{[this] { return Health(); }, [this] { return restored_; }}, metrics_};
};

TEST_F(DiskWatchTest, LogsEachMarkOnceOnTheWayDownAndUp) {
  EXPECT_THAT(Look(1000), IsEmpty());
  EXPECT_THAT(Look(255), ElementsAre(HasSubstr("the disk is nearly full")));
  EXPECT_THAT(Look(100), IsEmpty());
  ballast_ = 0;
  EXPECT_THAT(Look(63), ElementsAre(HasSubstr("ballast"), HasSubstr("the disk is full")));
  // A little above the mark changes are taken, but it is not told yet.
  EXPECT_THAT(Look(64), IsEmpty());
  EXPECT_THAT(Look(100), ElementsAre(HasSubstr("revoking works, issuing does not")));
  EXPECT_THAT(Look(256), IsEmpty());
  ballast_ = 128 * kMiB;
  EXPECT_THAT(Look(300), ElementsAre(HasSubstr("the ballast is whole again"),
                                     HasSubstr("there is room on the disk again")));
}

TEST_F(DiskWatchTest, SaysOnceThatThereCanBeNoBallast) {
  ballast_ = 0;
  restored_ = absl::UnavailableError("could not set 128 MiB aside: Operation not supported");
  EXPECT_THAT(Look(1000), ElementsAre(HasSubstr("Operation not supported")));
}

TEST_F(DiskWatchTest, SaysOnceThatTheStoreIsDamaged) {
  EXPECT_THAT(Look(1000), IsEmpty());
  EXPECT_THAT(metrics_.RenderText(), HasSubstr("claviger_store_damaged 0\n"));
  damage_ = absl::DataLossError("could not merge tables: 000012.sst");
  EXPECT_THAT(Look(1000),
              ElementsAre(AllOf(HasSubstr("the store is damaged"), HasSubstr("000012.sst"))));
  EXPECT_THAT(Look(1000), IsEmpty());
  EXPECT_THAT(metrics_.RenderText(), HasSubstr("claviger_store_damaged 1\n"));
}

TEST_F(DiskWatchTest, GaugesSayWhatIsTaken) {
  Look(200);
  const std::string text = metrics_.RenderText();
  EXPECT_THAT(text, HasSubstr("claviger_store_admits{change=\"growth\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("claviger_store_admits{change=\"reduction\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("claviger_store_reserve_bytes 268435456\n"));
  EXPECT_THAT(text, HasSubstr("claviger_store_ballast_bytes 134217728\n"));
}

TEST_F(DiskWatchTest, DescribesTheWorseOfTwo) {
  free_ = 200 * kMiB;
  EXPECT_THAT(std::string(DiskWatch::Describe(Health()).message()), HasSubstr("revoking goes on"));
  free_ = 0;
  EXPECT_THAT(std::string(DiskWatch::Describe(Health()).message()),
              HasSubstr("no change is taken"));
  free_ = 256 * kMiB;
  EXPECT_EQ(DiskWatch::Describe(Health()), absl::OkStatus());
}

}  // namespace
}  // namespace claviger
