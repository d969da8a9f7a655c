// A store with several logs, and copies of it as a kill leaves them.
#ifndef CLAVIGER_TESTS_UNIT_STORAGE_FIRST_LOOK_TESTING_H_
#define CLAVIGER_TESTS_UNIT_STORAGE_FIRST_LOOK_TESTING_H_

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include "core/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "storage/rocksdb/first_look.h"
#include "storage/rocksdb/schema.h"
#include "tests/unit/storage/rocksdb_testing.h"

namespace claviger {

class FirstLookTesting : public RocksDbStoreTesting {
 protected:
  // Keys `first` to `last`, a change each.
  static void Issue(RocksDbStore& store, int first, int last) {
    for (int n = first; n <= last; ++n) {
      ASSERT_TRUE(CommitAndWait(store, Putting(TestKey(n))).ok());
    }
  }
  // Makes a table of what `family` has in memory, and begins another log.
  static void Flush(RocksDbStore& store, Family family) {
    const Database& database = store.database_for_tests();
    ASSERT_TRUE(database.db().Flush({}, database.family(family)).ok());
  }
  static void FlushAll(RocksDbStore& store) {
    const Database& database = store.database_for_tests();
    std::vector<rocksdb::ColumnFamilyHandle*> families;
    for (size_t i = 0; i < kFamilyNames.size(); ++i) {
      families.push_back(database.family(static_cast<Family>(i)));
    }
    ASSERT_TRUE(database.db().Flush({}, families).ok());
  }
  static void CountACheck(RocksDbStore& store, absl::Time now) {
    UsageDelta delta{.key_id = TestKeyId(1), .project_id = "default", .counts = {}, .last_use = {}};
    delta.hour = HourOf(now);
    delta.counts.Add(VerifyCode::kValid, 1);
    ASSERT_TRUE(store.AddUsage(std::vector<UsageDelta>{delta}).ok());
  }

  // Goes on in a copy of the folder as it is now, which is what a kill leaves, with a watermark
  // that tells of everything.
  void GoOnInACopyOf(const RocksDbStore& store) {
    while (ReadWatermark(WatermarkPath()).value()->revision < store.applied_revision()) {
      ASSERT_TRUE(store.health().writable.ok());
    }
    const std::string copy = dir_.Join("copy-" + std::to_string(++copies_));
    std::filesystem::create_directories(copy + "/db");
    for (const auto& entry : std::filesystem::recursive_directory_iterator(options_.data_dir)) {
      if (!entry.is_regular_file()) continue;
      const std::filesystem::path name = std::filesystem::relative(entry.path(), options_.data_dir);
      std::error_code error;
      std::filesystem::copy_file(entry.path(), copy / name, error);
      // What is not needed any more may go meanwhile.
      ASSERT_TRUE(!error || !std::filesystem::exists(entry.path()))
          << name << ": " << error.message();
    }
    options_.data_dir = copy;
  }

  // A killed store with revisions 1 to 5, 6 to 10 and 11 to 15 in three logs, in that order, and
  // in tables what one family has of the first two.
  void MakeStoreWithThreeLogs() {
    const auto store = Open();
    ASSERT_NE(store, nullptr);
    Issue(*store, 1, 5);
    CountACheck(*store, clock_.Now());
    Flush(*store, flushed_);
    Issue(*store, 6, 10);
    CountACheck(*store, clock_.Now());
    Flush(*store, flushed_);
    Issue(*store, 11, 15);
    GoOnInACopyOf(*store);
  }
  std::vector<std::string> Logs() const {
    std::vector<std::string> logs;
    for (const auto& path : DbFiles(".log")) {
      if (std::filesystem::file_size(path) > 0) logs.push_back(path.string());
    }
    std::sort(logs.begin(), logs.end());
    return logs;
  }

  void ExpectWhole(int keys) {
    const auto store = Open();
    ASSERT_NE(store, nullptr);
    EXPECT_EQ(store->applied_revision(), Revision{static_cast<uint64_t>(keys)});
    for (int n = 1; n <= keys; ++n) {
      EXPECT_NE(store->FindKey(TestKeyId(n)).value(), nullptr) << "key " << n;
    }
    EXPECT_EQ(store->VerifyAudit().value().revision, store->applied_revision());
    EXPECT_EQ(store->ReadEvents(Revision{0}, 1000).value().size(), static_cast<size_t>(keys));
  }
  void ExpectRefused(const testing::Matcher<std::string>& message) {
    // Twice: a start that is refused changes nothing.
    for (int i = 0; i < 2; ++i) {
      const absl::Status status = OpenError();
      EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
      EXPECT_EQ(DetailsOf(status).reason, Reason::kDataCorrupt);
      EXPECT_THAT(std::string(status.message()), message);
      EXPECT_THAT(std::string(status.message()), testing::HasSubstr(options_.data_dir));
      EXPECT_THAT(std::string(status.message()), testing::HasSubstr("restore a backup"));
    }
  }

  int copies_ = 0;
  // Counts are not history: the begin of all that is lies in the first log.
  Family flushed_ = Family::kUsage;
};

}  // namespace claviger

#endif  // CLAVIGER_TESTS_UNIT_STORAGE_FIRST_LOOK_TESTING_H_
