// A block of a table that cannot be read, met by the merging of tables: changes go on.
#include "storage/rocksdb/damaged_merges.h"

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "tests/unit/storage/rocksdb_testing.h"

namespace claviger {
namespace {

using testing::HasSubstr;

constexpr int kKeys = 500;
// RocksDB's default: so many tables are merged.
constexpr int kTablesToMerge = 4;
constexpr absl::Duration kPatience = absl::Seconds(30);

class DamagedMergesTest : public RocksDbStoreTesting {
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

  std::filesystem::path LargestTable() const {
    std::filesystem::path largest;
    for (const auto& table : DbFiles(".sst")) {
      if (largest.empty() || file_size(table) > file_size(largest)) largest = table;
    }
    return largest;
  }

  // Flips a bit in a block of records, in which the first keys are.
  static void Damage(const std::filesystem::path& table) {
    constexpr std::streamoff kInFirstBlock = 100;
    std::fstream file(table, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(kInFirstBlock);
    const auto byte = static_cast<char>(file.get() ^ 1);
    file.seekp(kInFirstBlock);
    file.put(byte);
    file.close();
    ASSERT_TRUE(file);
  }

  // Makes as many tables, around the first, as it takes for a merge with the first.
  static void MakeTablesToMerge(RocksDbStore& store) {
    for (int i = 1; i < kTablesToMerge; ++i) {
      ASSERT_TRUE(CommitAndWait(store, Putting(TestKey(0))).ok());
      ASSERT_TRUE(CommitAndWait(store, Putting(TestKey(kKeys + 1))).ok());
      MakeTable(store, Family::kKeys);
    }
  }

  static bool IsUnmerged(RocksDbStore& store, Family family) {
    const Database& database = store.database_for_tests();
    return database.db().GetOptions(database.family(family)).disable_auto_compactions;
  }

  static void AwaitDamage(const RocksDbStore& store) {
    const absl::Time deadline = absl::Now() + kPatience;
    while (store.health().damage.ok() && absl::Now() < deadline) std::this_thread::yield();
    ASSERT_TRUE(absl::IsDataLoss(store.health().damage)) << store.health().damage;
  }
  static void AwaitUnmerged(RocksDbStore& store, Family family) {
    const absl::Time deadline = absl::Now() + kPatience;
    while (!IsUnmerged(store, family) && absl::Now() < deadline) std::this_thread::yield();
    ASSERT_TRUE(IsUnmerged(store, family));
  }
};

TEST_F(DamagedMergesTest, ChangesAreTakenAndWhatIsNotDamagedIsServed) {
  MakeStoreWithTable();
  Damage(LargestTable());
  auto store = Open();
  ASSERT_NE(store, nullptr);
  EXPECT_EQ(store->health().damage, absl::OkStatus());
  MakeTablesToMerge(*store);
  AwaitDamage(*store);
  EXPECT_THAT(std::string(store->health().damage.message()),
              AllOf(HasSubstr("merge tables of the family keys"), HasSubstr("checksum"),
                    HasSubstr(LargestTable().filename()), HasSubstr("restore a backup")));

  EXPECT_EQ(store->health().writable, absl::OkStatus());
  EXPECT_TRUE(CommitAndWait(*store, Putting(TestKey(kKeys))).ok());
  EXPECT_TRUE(absl::IsDataLoss(store->FindKey(TestKeyId(2)).status()));
  EXPECT_NE(store->FindKey(TestKeyId(kKeys - 1)).value(), nullptr);

  AwaitUnmerged(*store, Family::kKeys);
  EXPECT_FALSE(IsUnmerged(*store, Family::kAudit));
  // Nor does the number of tables stop them now.
  for (int i = 0; i < 10 * kTablesToMerge; ++i) {
    ASSERT_TRUE(CommitAndWait(*store, Putting(TestKey(kKeys + i))).ok());
    MakeTable(*store, Family::kKeys);
  }
  const Revision reached = store->applied_revision();

  // The next start meets the same damage, and goes on all the same.
  store.reset();
  store = Open();
  ASSERT_NE(store, nullptr);
  EXPECT_EQ(store->applied_revision(), reached);
  AwaitDamage(*store);
  EXPECT_TRUE(CommitAndWait(*store, Putting(TestKey(kKeys))).ok());
  EXPECT_TRUE(store->VerifyAudit().ok());
}

TEST(DamagedMergesListenerTest, ForgivesDamageThatAMergeMetAndNothingElse) {
  DamagedMerges merges;
  using Reason = rocksdb::BackgroundErrorReason;
  const auto forgiven = [&merges](Reason reason, rocksdb::Status error) {
    merges.OnBackgroundError(reason, &error);
    return error.ok();
  };
  EXPECT_TRUE(forgiven(Reason::kCompaction, rocksdb::Status::Corruption("a block")));
  EXPECT_TRUE(forgiven(Reason::kCompaction, rocksdb::Status::PathNotFound("a table")));
  EXPECT_FALSE(forgiven(Reason::kCompaction, rocksdb::Status::IOError("write")));
  EXPECT_FALSE(forgiven(Reason::kCompaction, rocksdb::Status::NoSpace("write")));
  EXPECT_FALSE(forgiven(Reason::kFlush, rocksdb::Status::Corruption("what is in memory")));
  EXPECT_FALSE(forgiven(Reason::kWriteCallback, rocksdb::Status::Corruption("the log")));
  EXPECT_FALSE(forgiven(Reason::kManifestWrite, rocksdb::Status::Corruption("the manifest")));
}

TEST_F(DamagedMergesTest, NothingIsSaidOfASoundStore) {
  MakeStoreWithTable();
  const auto store = Open();
  ASSERT_NE(store, nullptr);
  MakeTablesToMerge(*store);
  const Database& database = store->database_for_tests();
  ASSERT_TRUE(
      database.db().CompactRange({}, database.family(Family::kKeys), nullptr, nullptr).ok());
  EXPECT_EQ(store->health().damage, absl::OkStatus());
  EXPECT_FALSE(IsUnmerged(*store, Family::kKeys));
}

}  // namespace
}  // namespace claviger
