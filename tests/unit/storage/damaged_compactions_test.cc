// A block of a table that cannot be read, met by compactions: changes go on.
#include "storage/rocksdb/damaged_compactions.h"

#include <atomic>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "core/status.h"
#include "gmock/gmock.h"
#include "rocksdb/file_system.h"
#include "tests/unit/storage/rocksdb_testing.h"

namespace claviger {
namespace {

using testing::HasSubstr;

constexpr int kKeys = 500;
// Of a table: records of the first keys are there.
constexpr std::streamoff kInFirstBlock = 100;
// RocksDB's default: so many tables are compacted.
constexpr int kTablesToCompact = 4;
constexpr absl::Duration kPatience = absl::Seconds(30);

// A disk that cannot read one of its files any more, from a moment on.
class LostSectors final : public rocksdb::FileSystemWrapper {
 public:
  explicit LostSectors(std::shared_ptr<rocksdb::FileSystem> base)
      : FileSystemWrapper(std::move(base)) {}

  const char* Name() const override { return "LostSectors"; }
  void Lose(const std::string& path) {
    path_ = path;
    begun_ = true;
  }

  rocksdb::IOStatus NewRandomAccessFile(const std::string& path,
                                        const rocksdb::FileOptions& options,
                                        std::unique_ptr<rocksdb::FSRandomAccessFile>* file,
                                        rocksdb::IODebugContext* debug) override {
    rocksdb::IOStatus status = target()->NewRandomAccessFile(path, options, file, debug);
    if (status.ok()) *file = std::make_unique<File>(std::move(*file), path, *this);
    return status;
  }

 private:
  class File final : public rocksdb::FSRandomAccessFileOwnerWrapper {
   public:
    File(std::unique_ptr<rocksdb::FSRandomAccessFile> file, std::string path,
         const LostSectors& disk)
        : FSRandomAccessFileOwnerWrapper(std::move(file)), path_(std::move(path)), disk_(disk) {}

    rocksdb::IOStatus Read(uint64_t offset, size_t n, const rocksdb::IOOptions& options,
                           rocksdb::Slice* result, char* scratch,
                           rocksdb::IODebugContext* debug) const override {
      if (disk_.begun_ && path_ == disk_.path_)
        return rocksdb::IOStatus::IOError("pread", "Input/output error");
      return target()->Read(offset, n, options, result, scratch, debug);
    }

   private:
    const std::string path_;
    const LostSectors& disk_;
  };

  std::string path_;  // written before begun_
  std::atomic<bool> begun_{false};
};

class DamagedCompactionsTest : public RocksDbStoreTesting {
 protected:
  static void MakeTable(RocksDbStore& store, Family family) {
    const Database& database = store.database_for_tests();
    ASSERT_TRUE(database.db().Flush({}, database.family(family)).ok());
  }

  // A closed store with one table that has the keys 1 to kKeys.
  void MakeStoreWithTable() {
    const auto store = Open();
    ASSERT_NE(store, nullptr);
    ChangeSet changes;
    for (int n = 1; n <= kKeys; ++n) changes.put_keys.push_back(TestKey(n));
    ASSERT_TRUE(CommitAndWait(*store, Giving(changes)).ok());
    MakeTable(*store, Family::kKeys);
  }

  // Makes as many tables, around the first, as it takes for a compaction with the first.
  static void MakeTablesToCompact(RocksDbStore& store) {
    for (int i = 1; i < kTablesToCompact; ++i) {
      ASSERT_TRUE(CommitAndWait(store, Putting(TestKey(0))).ok());
      ASSERT_TRUE(CommitAndWait(store, Putting(TestKey(kKeys + 1))).ok());
      MakeTable(store, Family::kKeys);
    }
  }

  static bool IsLeft(RocksDbStore& store, Family family) {
    const Database& database = store.database_for_tests();
    return database.db().GetOptions(database.family(family)).disable_auto_compactions;
  }

  static void AwaitDamage(const RocksDbStore& store) {
    const absl::Time deadline = absl::Now() + kPatience;
    while (store.health().damage.ok() && absl::Now() < deadline) std::this_thread::yield();
    ASSERT_TRUE(absl::IsDataLoss(store.health().damage)) << store.health().damage;
  }
  static void AwaitLeft(RocksDbStore& store, Family family) {
    const absl::Time deadline = absl::Now() + kPatience;
    while (!IsLeft(store, family) && absl::Now() < deadline) std::this_thread::yield();
    ASSERT_TRUE(IsLeft(store, family));
  }
};

TEST_F(DamagedCompactionsTest, ChangesAreTakenAndWhatIsNotDamagedIsServed) {
  MakeStoreWithTable();
  FlipABit(LargestTable(), kInFirstBlock);
  auto store = Open();
  ASSERT_NE(store, nullptr);
  EXPECT_EQ(store->health().damage, absl::OkStatus());
  MakeTablesToCompact(*store);
  AwaitDamage(*store);
  EXPECT_THAT(std::string(store->health().damage.message()),
              AllOf(HasSubstr("compact tables of the family keys"), HasSubstr("checksum"),
                    HasSubstr(LargestTable().filename()), HasSubstr("restore a backup")));

  EXPECT_EQ(store->health().writable, absl::OkStatus());
  EXPECT_TRUE(CommitAndWait(*store, Putting(TestKey(kKeys))).ok());
  EXPECT_TRUE(absl::IsDataLoss(store->FindKey(TestKeyId(2)).status()));
  EXPECT_NE(store->FindKey(TestKeyId(kKeys - 1)).value(), nullptr);

  AwaitLeft(*store, Family::kKeys);
  const auto backup = store->BeginBackup(store->applied_revision(), "1");
  EXPECT_TRUE(absl::IsDataLoss(backup.status()));
  EXPECT_THAT(std::string(backup.status().message()), HasSubstr("cannot be restored"));
  EXPECT_FALSE(IsLeft(*store, Family::kAudit));
  // Nor does the number of tables stop them now.
  for (int i = 0; i < 10 * kTablesToCompact; ++i) {
    ASSERT_TRUE(CommitAndWait(*store, Putting(TestKey(kKeys + i))).ok());
    MakeTable(*store, Family::kKeys);
  }
  const Revision reached = store->applied_revision();

  // The next start meets the same damage, and goes on all the same, at once.
  store.reset();
  store = Open();
  ASSERT_NE(store, nullptr);
  EXPECT_EQ(store->applied_revision(), reached);
  EXPECT_TRUE(CommitAndWait(*store, Putting(TestKey(kKeys))).ok());
  AwaitDamage(*store);
  EXPECT_TRUE(CommitAndWait(*store, Putting(TestKey(kKeys))).ok());
  EXPECT_TRUE(store->VerifyAudit().ok());
}

TEST_F(DamagedCompactionsTest, ATableThatCannotBeReadIsADamagedOne) {
  const auto disk = std::make_shared<LostSectors>(rocksdb::FileSystem::Default());
  options_.file_system = disk;
  MakeStoreWithTable();
  const auto store = Open();
  ASSERT_NE(store, nullptr);
  disk->Lose(LargestTable());
  MakeTablesToCompact(*store);
  AwaitDamage(*store);
  EXPECT_THAT(std::string(store->health().damage.message()),
              AllOf(HasSubstr("Input/output error"), HasSubstr("restore a backup")));
  EXPECT_EQ(store->health().writable, absl::OkStatus());
  EXPECT_TRUE(CommitAndWait(*store, Putting(TestKey(kKeys + 2))).ok());
  EXPECT_TRUE(absl::IsDataLoss(store->FindKey(TestKeyId(2)).status()));
}

TEST(DamagedCompactionsListenerTest, DamageIsWhatFailsAgainAndAgainInOneFamily) {
  DamagedCompactions compactions;
  const auto fail = [&compactions](const std::string& family) {
    rocksdb::CompactionJobInfo compaction;
    compaction.cf_name = family;
    compaction.status = rocksdb::Status::Corruption("a block");
    compactions.OnCompactionCompleted(nullptr, compaction);
  };
  fail("audit");
  for (int i = 1; i < DamagedCompactions::kTries; ++i) {
    EXPECT_EQ(compactions.damage(), absl::OkStatus());
    fail("keys");
  }
  EXPECT_EQ(compactions.damage(), absl::OkStatus());
  fail("keys");
  EXPECT_TRUE(absl::IsDataLoss(compactions.damage()));
  EXPECT_EQ(compactions.TakeFamilies(), std::set<std::string>{"keys"});
  compactions.Close();
  EXPECT_TRUE(compactions.TakeFamilies().empty());
}

TEST(DamagedCompactionsListenerTest, ForgivesDamageThatACompactionMetAndNothingElse) {
  DamagedCompactions compactions;
  using Reason = rocksdb::BackgroundErrorReason;
  const auto forgiven = [&compactions](Reason reason, rocksdb::Status error) {
    compactions.OnBackgroundError(reason, &error);
    return error.ok();
  };
  EXPECT_TRUE(forgiven(Reason::kCompaction, rocksdb::Status::Corruption("a block")));
  EXPECT_TRUE(forgiven(Reason::kCompaction, rocksdb::Status::PathNotFound("a table")));
  EXPECT_FALSE(forgiven(Reason::kCompaction, rocksdb::Status::Corruption("VersionBuilder", "L1")));
  EXPECT_FALSE(forgiven(Reason::kCompaction, rocksdb::Status::IOError("write")));
  EXPECT_FALSE(forgiven(Reason::kCompaction, rocksdb::Status::NoSpace("write")));
  EXPECT_FALSE(forgiven(Reason::kFlush, rocksdb::Status::Corruption("what is in memory")));
  EXPECT_FALSE(forgiven(Reason::kWriteCallback, rocksdb::Status::Corruption("the log")));
  EXPECT_FALSE(forgiven(Reason::kManifestWrite, rocksdb::Status::Corruption("the manifest")));
}

TEST_F(DamagedCompactionsTest, NothingIsSaidOfASoundStore) {
  MakeStoreWithTable();
  const auto store = Open();
  ASSERT_NE(store, nullptr);
  MakeTablesToCompact(*store);
  const Database& database = store->database_for_tests();
  ASSERT_TRUE(
      database.db().CompactRange({}, database.family(Family::kKeys), nullptr, nullptr).ok());
  EXPECT_EQ(store->health().damage, absl::OkStatus());
  EXPECT_FALSE(IsLeft(*store, Family::kKeys));
}

}  // namespace
}  // namespace claviger
