// From a store that goes on writing to a backup, and from there to a database that is read whole.
#include "storage/rocksdb/backup.h"

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "core/status.h"
#include "gmock/gmock.h"
#include "storage/rocksdb/restore_folder.h"
#include "storage/rocksdb/restoring.h"
#include "tests/unit/storage/rocksdb_testing.h"

namespace claviger {
namespace {

class BackupTest : public RocksDbStoreTesting {
 protected:
  std::string CheckpointPath() const { return options_.data_dir + "/" + kCheckpointFolder; }

  // The bytes of a whole backup.
  static std::string ReadAll(BackupStream& stream) {
    std::string backup;
    for (;;) {
      const absl::StatusOr<std::string> piece = stream.Next();
      EXPECT_TRUE(piece.ok()) << piece.status();
      if (!piece.ok() || piece->empty()) return backup;
      EXPECT_LE(piece->size(), kBackupChunkBytes);
      backup += *piece;
    }
  }

  // What a full scan finds in the file `backup`.
  absl::StatusOr<FullScanReport> Unpack(const std::string& backup) {
    const std::string folder = dir_.Join("unpacked");
    std::filesystem::remove_all(folder);
    std::filesystem::create_directory(folder);
    BackupUnpacker unpacker(folder, 0);
    const auto header = ReadBackup(backup, &unpacker);
    if (!header.ok()) return header.status();
    return ScanUnpacked(folder, *header, options_.memory_bytes, clock_);
  }

  std::string Write(std::string_view bytes) {
    std::string path = dir_.Join("backup.claviger");
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
  }
};

TEST_F(BackupTest, ATableThatIsDamagedIsNotBackedUp) {
  {
    const auto store = Open();
    ChangeSet changes;
    for (int n = 1; n <= 500; ++n) changes.put_keys.push_back(TestKey(n));
    ASSERT_TRUE(CommitAndWait(*store, Giving(changes)).ok());
    const Database& database = store->database_for_tests();
    ASSERT_TRUE(database.db().Flush({}, database.family(Family::kKeys)).ok());
  }
  const std::filesystem::path table = LargestTable();
  FlipABit(table, 100);
  const auto store = Open();
  ASSERT_NE(store, nullptr);
  auto stream = store->BeginBackup(store->applied_revision(), "1");
  ASSERT_TRUE(stream.ok()) << stream.status();
  absl::StatusOr<std::string> piece;
  do {
    piece = (*stream)->Next();
  } while (piece.ok() && !piece->empty());
  EXPECT_TRUE(absl::IsDataLoss(piece.status())) << piece.status();
  EXPECT_THAT(std::string(piece.status().message()), testing::HasSubstr(table.filename()));
}

TEST_F(BackupTest, ABackupTakenWhileTheStoreWritesIsWholeAtItsRevision) {
  const auto store = Open();
  ASSERT_NE(store, nullptr);
  ASSERT_TRUE(CommitAndWait(*store, Putting(TestProject("default"))).ok());
  for (int n = 1; n <= 50; ++n) ASSERT_TRUE(CommitAndWait(*store, Putting(TestKey(n))).ok());
  const Revision before = store->applied_revision();

  std::atomic<bool> stop{false};
  std::atomic<int> failed{0};
  std::thread writer([&] {
    for (int n = 51; n < 20'000 && !stop; ++n) {
      if (!CommitAndWait(*store, Putting(TestKey(n))).ok()) ++failed;
    }
  });
  auto stream = store->BeginBackup(before, "1.2.3");
  std::string backup;
  BackupHeader header;
  if (stream.ok()) {
    header = (*stream)->header();
    backup = ReadAll(**stream);
    stream->reset();
  }
  stop = true;
  writer.join();
  ASSERT_TRUE(stream.ok()) << stream.status();
  EXPECT_EQ(failed, 0);
  EXPECT_FALSE(std::filesystem::exists(CheckpointPath()));
  EXPECT_GE(header.head.revision, before);
  EXPECT_EQ(header.epoch, store->epoch());
  EXPECT_EQ(backup.size(), header.TotalBytes());

  const auto report = Unpack(Write(backup));
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->state.revision, header.head.revision);
  EXPECT_EQ(report->projects, 1u);
  EXPECT_EQ(report->events, header.head.revision.value);
  EXPECT_EQ(header.keys, header.head.revision.value - (before.value - 50));

  EXPECT_EQ(Unpack(Write(backup.substr(0, backup.size() / 2))).status().code(),
            absl::StatusCode::kDataLoss);
  backup[backup.size() / 2] ^= 1;
  EXPECT_EQ(Unpack(Write(backup)).status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(BackupTest, OneAtATimeAndAnAbandonedOneLeavesNothing) {
  const auto store = Open();
  ASSERT_NE(store, nullptr);
  ASSERT_TRUE(CommitAndWait(*store, Putting(TestProject("default"))).ok());
  auto first = store->BeginBackup(store->applied_revision(), "1.2.3");
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_TRUE(std::filesystem::exists(CheckpointPath()));
  EXPECT_EQ(store->BeginBackup(store->applied_revision(), "1.2.3").status().code(),
            absl::StatusCode::kResourceExhausted);
  first->reset();
  EXPECT_FALSE(std::filesystem::exists(CheckpointPath()));
  EXPECT_TRUE(store->BeginBackup(store->applied_revision(), "1.2.3").ok());
}

TEST_F(BackupTest, WithoutRoomNoneBeginsAndOneUnderWayEnds) {
  uint64_t free_bytes = options_.growth_reserve_bytes;
  options_.free_bytes = [&free_bytes] { return free_bytes; };
  const auto store = Open();
  ASSERT_NE(store, nullptr);
  ASSERT_TRUE(CommitAndWait(*store, Putting(TestProject("default"))).ok());
  const Revision head = store->applied_revision();
  auto stream = store->BeginBackup(head, "1.2.3");
  ASSERT_TRUE(stream.ok()) << stream.status();
  ASSERT_TRUE((*stream)->Next().ok());
  --free_bytes;
  EXPECT_EQ(DetailsOf((*stream)->Next().status()).reason, Reason::kStoreFull);
  stream->reset();
  const auto refused = store->BeginBackup(head, "1.2.3");
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(DetailsOf(refused.status()).reason, Reason::kStoreFull);
  EXPECT_FALSE(std::filesystem::exists(CheckpointPath()));
  ++free_bytes;
  EXPECT_TRUE(store->BeginBackup(head, "1.2.3").ok());
}

TEST_F(BackupTest, WhatAKilledBackupLeftGoesAtTheNextStart) {
  MakeStore(1);
  std::filesystem::create_directory(CheckpointPath());
  std::ofstream(CheckpointPath() + "/000012.sst") << "left";
  std::filesystem::create_directory(CheckpointPath() + ".tmp");
  const auto store = Open();
  ASSERT_NE(store, nullptr);
  EXPECT_FALSE(std::filesystem::exists(CheckpointPath()));
  EXPECT_FALSE(std::filesystem::exists(CheckpointPath() + ".tmp"));
}

TEST_F(BackupTest, AFolderWithAStoreIsNotRestoredInto) {
  MakeStore(1);
  EXPECT_EQ(CheckFitToRestoreInto(options_.data_dir, {}).code(),
            absl::StatusCode::kFailedPrecondition);
  const std::string fresh = dir_.Join("fresh");
  EXPECT_TRUE(CheckFitToRestoreInto(fresh, {}).ok());
  EXPECT_FALSE(std::filesystem::exists(fresh));
}

}  // namespace
}  // namespace claviger
