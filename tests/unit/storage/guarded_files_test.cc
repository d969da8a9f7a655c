// RocksDB's files on a disk that says no in the middle of a write.
#include "storage/rocksdb/guarded_files.h"

#include <algorithm>
#include <atomic>
#include <fstream>
#include <iterator>
#include <thread>

#include "gtest/gtest.h"
#include "storage/rocksdb/tuning.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/storage/rocksdb_testing.h"

namespace claviger {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;

// A disk of `left` bytes: a write that does not fit is made in part and fails, as write(2) does.
// What is written over takes no room again.
struct FakeDisk {
  std::atomic<int64_t> left = int64_t{1} << 40;
  std::atomic<int> refused = 0;
};

class ShortFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  ShortFile(std::unique_ptr<rocksdb::FSWritableFile> file, FakeDisk& disk)
      : FSWritableFileOwnerWrapper(std::move(file)), disk_(disk) {}

  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                           rocksdb::IODebugContext* debug) override {
    const size_t part = Take(position_, data.size());
    position_ += part;
    rocksdb::IOStatus status = target()->Append({data.data(), part}, options, debug);
    return status.ok() && part < data.size() ? rocksdb::IOStatus::NoSpace("fake") : status;
  }
  rocksdb::IOStatus PositionedAppend(const rocksdb::Slice& data, uint64_t offset,
                                     const rocksdb::IOOptions& options,
                                     rocksdb::IODebugContext* debug) override {
    const size_t part = Take(offset, data.size());
    rocksdb::IOStatus status =
        target()->PositionedAppend({data.data(), part}, offset, options, debug);
    return status.ok() && part < data.size() ? rocksdb::IOStatus::NoSpace("fake") : status;
  }

 private:
  size_t Take(uint64_t offset, size_t wanted) {
    const size_t there = extent_ > offset ? std::min<size_t>(wanted, extent_ - offset) : 0;
    const int64_t left = std::max<int64_t>(disk_.left, 0);
    const size_t taken = std::min<size_t>(wanted - there, static_cast<size_t>(left));
    disk_.left -= static_cast<int64_t>(taken);
    if (there + taken < wanted) ++disk_.refused;
    extent_ = std::max(extent_, offset + there + taken);
    return there + taken;
  }

  FakeDisk& disk_;
  uint64_t position_ = 0;  // of Append
  uint64_t extent_ = 0;    // up to which the file has its room
};

class ShortFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  explicit ShortFileSystem(FakeDisk& disk)
      : FileSystemWrapper(rocksdb::FileSystem::Default()), disk_(disk) {}

  const char* Name() const override { return "ShortFileSystem"; }
  rocksdb::IOStatus NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                    rocksdb::IODebugContext* debug) override {
    if (disk_.left <= 0) {
      ++disk_.refused;
      return rocksdb::IOStatus::NoSpace("fake");
    }
    std::unique_ptr<rocksdb::FSWritableFile> made;
    rocksdb::IOStatus status = target()->NewWritableFile(path, options, &made, debug);
    if (status.ok()) *file = std::make_unique<ShortFile>(std::move(made), disk_);
    return status;
  }

 private:
  FakeDisk& disk_;
};

class GuardedFilesTest : public RocksDbStoreTesting {
 protected:
  GuardedFilesTest()
      : guard_([] { return 1000 * kMiB; }, {}, nullptr),
        env_(NewGuardedEnv(std::make_shared<ShortFileSystem>(disk_), dir_.Join("db"), guard_)) {}

  std::unique_ptr<rocksdb::FSWritableFile> NewFile(const std::string& path) {
    std::unique_ptr<rocksdb::FSWritableFile> file;
    const auto status =
        env_->GetFileSystem()->NewWritableFile(path, rocksdb::FileOptions(), &file, nullptr);
    EXPECT_TRUE(status.ok()) << status.ToString();
    return file;
  }
  static std::string ReadAll(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }
  // Waits until a write was refused, and then gives the disk so much.
  void GrowWhenRefused(int64_t bytes) {
    const int before = disk_.refused;
    while (disk_.refused == before) std::this_thread::yield();
    disk_.left = bytes;
  }

  FakeDisk disk_;
  DiskGuard guard_;
  std::unique_ptr<rocksdb::Env> env_;
};

TEST_F(GuardedFilesTest, AWriteThatWasMadeInPartIsMadeWholeWhenThereIsRoom) {
  ASSERT_TRUE(env_->CreateDir(dir_.Join("db")).ok());
  const std::string path = dir_.Join("db/000001.log");
  const auto file = NewFile(path);
  ASSERT_TRUE(file->Append("one,", {}, nullptr).ok());
  disk_.left = 2;
  std::thread disk([this] { GrowWhenRefused(1000); });
  EXPECT_TRUE(file->Append("two,", {}, nullptr).ok());
  disk.join();
  EXPECT_TRUE(file->Append("three", {}, nullptr).ok());
  EXPECT_TRUE(file->Close({}, nullptr).ok());
  EXPECT_EQ(ReadAll(path), "one,two,three");
}

TEST_F(GuardedFilesTest, FilesElsewhereAreLeftAlone) {
  const auto file = NewFile(dir_.Join("elsewhere"));
  disk_.left = 2;
  EXPECT_TRUE(file->Append("two,", {}, nullptr).IsNoSpace());
}

TEST_F(GuardedFilesTest, OnceTheStoreClosesAWriteFailsInsteadOfWaiting) {
  ASSERT_TRUE(env_->CreateDir(dir_.Join("db")).ok());
  const auto file = NewFile(dir_.Join("db/000001.log"));
  disk_.left = 2;
  guard_.StopWaiting(DiskUse::kEssential);
  EXPECT_TRUE(file->Append("two,", {}, nullptr).IsNoSpace());
}

// Without the guard RocksDB becomes read-only here, and Debian's build ends the process soon.
TEST_F(GuardedFilesTest, ADatabaseWaitsOnAFullDiskAndLosesNothing) {
  Tuning tuning = MakeTuning(options_.memory_bytes, clock_);
  tuning.db.env = env_.get();
  constexpr int kRows = 24;
  const std::string value(100'000, 'v');
  const auto row = [](int n) { return "row " + std::to_string(n); };
  {
    auto database = Database::Open(dir_.Join("db"), tuning);
    ASSERT_TRUE(database.ok()) << database.status();
    std::atomic<bool> done = false;
    disk_.left = 0;
    // A disk that is full again and again, at whatever byte.
    std::thread disk([&] {
      for (int64_t bytes = 1; !done; bytes = (bytes * 7 + 11) % 290'001) {
        if (disk_.left <= 0) disk_.left = bytes;
        std::this_thread::yield();
      }
      disk_.left = int64_t{1} << 40;
    });
    for (int n = 0; n < kRows; ++n) {
      rocksdb::WriteBatch rows;
      ASSERT_TRUE(rows.Put((*database)->family(Family::kKeys), row(n), value).ok());
      ASSERT_EQ((*database)->Write(rows), absl::OkStatus()) << n;
      if (n == kRows / 2) {
        const auto flushed = (*database)->db().Flush({}, (*database)->family(Family::kKeys));
        ASSERT_TRUE(flushed.ok()) << flushed.ToString();
      }
    }
    done = true;
    disk.join();
  }
  EXPECT_GT(disk_.refused, kRows / 4);
  auto database = Database::Open(dir_.Join("db"), MakeTuning(options_.memory_bytes, clock_));
  ASSERT_TRUE(database.ok()) << database.status();
  for (int n = 0; n < kRows; ++n) {
    rocksdb::PinnableSlice found;
    const auto has = (*database)->Get(Family::kKeys, row(n), found);
    ASSERT_TRUE(has.ok() && *has) << n;
    EXPECT_EQ(found.ToString(), value);
  }
}

}  // namespace
}  // namespace claviger
