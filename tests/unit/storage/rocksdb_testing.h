// A RocksDB store in a folder of its own, and a way past its checks.
#ifndef CLAVIGER_TESTS_UNIT_STORAGE_ROCKSDB_TESTING_H_
#define CLAVIGER_TESTS_UNIT_STORAGE_ROCKSDB_TESTING_H_

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "rocksdb/write_batch.h"
#include "storage/rocksdb/rocksdb_store.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_random.h"
#include "tests/support/store_testing.h"
#include "tests/support/temp_dir.h"

namespace claviger {

class RocksDbStoreTesting : public testing::Test {
 protected:
  RocksDbStoreTesting() {
    options_.data_dir = dir_.Join("data");
    options_.clock = &clock_;
    options_.random = &random_;
    options_.memory_bytes = RocksDbStoreOptions::kMinMemoryBytes;
  }

  std::string DbPath() const { return options_.data_dir + "/db"; }
  std::string WatermarkPath() const { return options_.data_dir + "/watermark"; }

  std::unique_ptr<RocksDbStore> Open() {
    auto store = RocksDbStore::Open(options_);
    EXPECT_TRUE(store.ok()) << store.status();
    return store.ok() ? *std::move(store) : nullptr;
  }
  absl::Status OpenError() { return RocksDbStore::Open(options_).status(); }

  // A closed store with the keys 1 to `keys`.
  void MakeStore(int keys) {
    const auto store = Open();
    ASSERT_NE(store, nullptr);
    for (int n = 1; n <= keys; ++n) ASSERT_TRUE(CommitAndWait(*store, Putting(TestKey(n))).ok());
  }

  // The database without the checks of a store. No store may be open.
  std::unique_ptr<Database> OpenRaw() {
    auto database = Database::Open(DbPath(), MakeTuning(options_.memory_bytes, clock_));
    EXPECT_TRUE(database.ok()) << database.status();
    return database.ok() ? *std::move(database) : nullptr;
  }
  void PutRaw(Family family, std::string_view row, std::string_view value) {
    const auto database = OpenRaw();
    ASSERT_NE(database, nullptr);
    rocksdb::WriteBatch rows;
    ASSERT_TRUE(rows.Put(database->family(family), AsSlice(row), AsSlice(value)).ok());
    ASSERT_TRUE(database->Write(rows).ok());
  }

  // Files right in the database's folder whose names end in `extension`.
  std::vector<std::filesystem::path> DbFiles(const std::string& extension) const {
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(DbPath())) {
      if (entry.path().extension() == extension) files.push_back(entry.path());
    }
    return files;
  }

  std::filesystem::path LargestTable() const {
    std::filesystem::path largest;
    for (const auto& table : DbFiles(".sst")) {
      if (largest.empty() || file_size(table) > file_size(largest)) largest = table;
    }
    return largest;
  }
  static void FlipABit(const std::filesystem::path& path, std::streamoff offset) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(offset);
    const auto byte = static_cast<char>(file.get() ^ 1);
    file.seekp(offset);
    file.put(byte);
    file.close();
    ASSERT_TRUE(file);
  }

  TempDir dir_;
  FakeClock clock_;
  FakeRandom random_;
  RocksDbStoreOptions options_;
};

}  // namespace claviger

#endif  // CLAVIGER_TESTS_UNIT_STORAGE_ROCKSDB_TESTING_H_
