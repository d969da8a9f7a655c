// Which changes are let in when the disk is nearly full: those that take access away.

#include <atomic>
#include <memory>
#include <optional>
#include <utility>

#include "core/status.h"
#include "gtest/gtest.h"
#include "server/manage/key_manager.h"
#include "server/manage/key_sweeper.h"
#include "storage/rocksdb/rocksdb_store.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_random.h"
#include "tests/support/store_testing.h"
#include "tests/support/temp_dir.h"

namespace claviger {
namespace {

class FullDiskChangesTest : public ::testing::Test {
 protected:
  FullDiskChangesTest() : peppers_(*PepperSet::Parse(*PepperSet::GenerateLine("p1", random_))) {
    RocksDbStoreOptions options;
    options.data_dir = dir_.Join("data");
    options.clock = &clock_;
    options.random = &random_;
    options.memory_bytes = RocksDbStoreOptions::kMinMemoryBytes;
    options.free_bytes = [this] { return free_.load(); };
    free_ = options.growth_reserve_bytes;
    low_ = options.reduction_reserve_bytes;
    store_ = *RocksDbStore::Open(options);
    manager_ = std::make_unique<KeyManager>(*store_, peppers_, random_, clock_);
    EXPECT_TRUE(CommitAndWait(*store_, Putting(TestProject(kDefaultProject))).ok());
    EXPECT_TRUE(CommitAndWait(*store_, Putting(TestKey(1))).ok());
  }
  ~FullDiskChangesTest() override { store_->Close(); }

  static Caller Root() {
    KeyRecord key = TestKey(9999, kManagementProject);
    key.scopes = ScopeSet::FromTrusted({"settings.manage"});
    return Caller::FromKey(std::make_shared<const KeyRecord>(std::move(key)), "");
  }

  // Calls `method` of the manager and waits for what it gives.
  template <typename Result, typename Call>
  static absl::StatusOr<Result> Await(const Call& call) {
    absl::StatusOr<Result> result;
    absl::Notification done;
    call([&](absl::StatusOr<Result> outcome) {
      result = std::move(outcome);
      done.Notify();
    });
    done.WaitForNotification();
    return result;
  }
  absl::Status Update(KeyUpdate update) {
    return Await<ChangedKey>([&](auto done) {
             manager_->Update(Root(), {.key_id = TestKeyId(1), .if_revision = {}},
                              std::move(update), absl::InfiniteDuration(), std::move(done));
           })
        .status();
  }
  absl::StatusOr<RotatedKey> Rotate(const KeyId& id) {
    return Await<RotatedKey>([&](auto done) {
      RotateParams params;
      params.key_id = id;
      params.grace_start = GraceStart::kFirstUse;
      manager_->Rotate(Root(), params, absl::InfiniteDuration(), std::move(done));
    });
  }
  static void ExpectFull(const absl::Status& status) {
    EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
    EXPECT_EQ(DetailsOf(status).reason, Reason::kStoreFull);
  }

  TempDir dir_;
  FakeClock clock_;
  FakeRandom random_;
  PepperSet peppers_;
  std::atomic<uint64_t> free_ = 0;  // the database asks on threads of its own
  uint64_t low_ = 0;
  std::unique_ptr<RocksDbStore> store_;
  std::unique_ptr<KeyManager> manager_;
};

TEST_F(FullDiskChangesTest, AnUpdateThatNarrowsIsLetInAndAnyOtherIsNot) {
  free_ = low_;
  KeyUpdate name;
  name.display_name = "another name";
  ExpectFull(Update(name));
  KeyUpdate sooner;
  sooner.expire_time = clock_.Now() + absl::Hours(1);
  EXPECT_TRUE(Update(sooner).ok());
  KeyUpdate later;
  later.expire_time = clock_.Now() + absl::Hours(2);
  ExpectFull(Update(later));
}

TEST_F(FullDiskChangesTest, AGraceBeginsAndNoKeyIsRotated) {
  const absl::StatusOr<RotatedKey> rotated = Rotate(TestKeyId(1));
  ASSERT_TRUE(rotated.ok()) << rotated.status();
  free_ = low_;
  const auto begun = Await<std::shared_ptr<const KeyRecord>>(
      [&](auto done) { manager_->BeginGrace(rotated->info->id, clock_.Now(), std::move(done)); });
  ASSERT_TRUE(begun.ok()) << begun.status();
  EXPECT_TRUE((*begun)->revocation.has_value());
  ExpectFull(Rotate(rotated->info->id).status());
}

TEST_F(FullDiskChangesTest, ASweepUnbindsManagementKeysAndLeavesTheRestForLater) {
  KeyRecord caller = TestKey(2, kManagementProject);
  caller.bound_project_ids = {"gone"};
  ProjectRecord gone = TestProject("gone");
  ASSERT_TRUE(CommitAndWait(*store_, Putting(TestProject(kManagementProject))).ok());
  ASSERT_TRUE(CommitAndWait(*store_, Putting(caller)).ok());
  ASSERT_TRUE(CommitAndWait(*store_, Putting(gone)).ok());
  ASSERT_TRUE(CommitAndWait(*store_, Putting(TestKey(3, "gone"))).ok());
  gone.delete_time = clock_.Now();
  ASSERT_TRUE(CommitAndWait(*store_, Putting(gone)).ok());
  KeySweeper sweeper(*store_, clock_, absl::Hours(24));

  const uint64_t enough = free_;
  free_ = low_;
  ExpectFull(sweeper.Run());
  EXPECT_TRUE((*store_->FindKey(TestKeyId(2)))->revocation.has_value());
  EXPECT_FALSE((*store_->FindKey(TestKeyId(3)))->delete_time.has_value());
  const Revision before = store_->applied_revision();
  ExpectFull(sweeper.Run());
  EXPECT_EQ(store_->applied_revision(), before);

  free_ = enough;
  EXPECT_EQ(sweeper.Run(), absl::OkStatus());
  EXPECT_TRUE((*store_->FindKey(TestKeyId(3)))->delete_time.has_value());

  clock_.Advance(absl::Hours(24));
  free_ = low_;
  ExpectFull(sweeper.Run());
  EXPECT_NE(*store_->FindKey(TestKeyId(3)), nullptr);
  free_ = enough;
  EXPECT_EQ(sweeper.Run(), absl::OkStatus());
  EXPECT_EQ(*store_->FindKey(TestKeyId(3)), nullptr);
  EXPECT_EQ(*store_->FindProject("gone"), nullptr);
}

TEST_F(FullDiskChangesTest, NoProjectIsPurged) {
  ProjectRecord gone = TestProject("gone");
  gone.delete_time = clock_.Now();
  ASSERT_TRUE(CommitAndWait(*store_, Putting(gone)).ok());
  KeySweeper sweeper(*store_, clock_, absl::Hours(24));
  const uint64_t enough = free_;
  free_ = low_;
  ExpectFull(sweeper.Run());
  EXPECT_NE(*store_->FindProject("gone"), nullptr);
  free_ = enough;
  EXPECT_EQ(sweeper.Run(), absl::OkStatus());
  EXPECT_EQ(*store_->FindProject("gone"), nullptr);
}

}  // namespace
}  // namespace claviger
