// What of a log's end is taken for torn, and what for damage.
#include "storage/rocksdb/torn_ends.h"

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "storage/rocksdb/durable_files.h"
#include "tests/unit/storage/rocksdb_testing.h"

namespace claviger {
namespace {

using testing::HasSubstr;

constexpr size_t kSector = 512;
constexpr size_t kHeader = 7;

// A closed store with five changes of several sectors each in its one log.
class TornEndsTest : public RocksDbStoreTesting {
 protected:
  void SetUp() override {
    {
      const auto store = Open();
      ASSERT_NE(store, nullptr);
      for (int n = 1; n <= 5; ++n) CommitKeys(*store, 10 * n, 10 * n + 8);
    }
    const auto logs = DbFiles(".log");
    ASSERT_EQ(logs.size(), 1u);
    log_ = logs.front().string();
    bytes_ = ReadAll(log_);
    for (size_t at = 0; at + kHeader <= bytes_.size();) {
      records_.push_back(at);
      at += kHeader + static_cast<uint8_t>(bytes_[at + 4]) +
            (size_t{static_cast<uint8_t>(bytes_[at + 5])} << 8);
    }
    ASSERT_GE(records_.size(), 5u);
  }

  // In one change.
  static void CommitKeys(RocksDbStore& store, int first, int last) {
    ChangeSet changes;
    for (int n = first; n <= last; ++n) changes.put_keys.push_back(TestKey(n));
    ASSERT_TRUE(CommitAndWait(store, Giving(changes)).ok());
  }
  static std::string ReadAll(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  // nullopt also for an error, which is a failure.
  std::optional<uint64_t> TornAt(const std::string& bytes) {
    std::ofstream(log_, std::ios::binary | std::ios::trunc) << bytes;
    const auto end = FindTornEnd(*OrTheDisk(nullptr), log_);
    EXPECT_TRUE(end.ok()) << end.status();
    return end.ok() ? *end : std::nullopt;
  }
  // The log with zeros from `from` up to `to`.
  std::string Zeroed(size_t from, size_t to) const {
    std::string bytes = bytes_;
    bytes.replace(from, to - from, to - from, '\0');
    return bytes;
  }
  // The first beginning of a sector at or after `at`.
  static size_t SectorAt(size_t at) { return (at + kSector - 1) / kSector * kSector; }

  std::string log_;
  std::string bytes_;
  std::vector<size_t> records_;  // where they begin
};

TEST_F(TornEndsTest, AWholeLogIsNotTorn) {
  EXPECT_EQ(TornAt(bytes_), std::nullopt);
  EXPECT_EQ(TornAt(""), std::nullopt);
}

TEST_F(TornEndsTest, ARecordThatIsOnlyTooShortIsLeftToRocksDb) {
  EXPECT_EQ(TornAt(bytes_.substr(0, bytes_.size() - 1)), std::nullopt);
  EXPECT_EQ(TornAt(bytes_.substr(0, records_.back() + kHeader - 1)), std::nullopt);
}

TEST_F(TornEndsTest, ZerosFromTheMiddleOfTheLastRecordOnEndTheLogBeforeIt) {
  const size_t from = SectorAt(records_.back() + kHeader);
  ASSERT_LT(from, bytes_.size());
  EXPECT_EQ(TornAt(Zeroed(from, bytes_.size())), records_.back());
}

TEST_F(TornEndsTest, ALastRecordThatIsAllZerosEndsTheLogBeforeIt) {
  EXPECT_EQ(TornAt(Zeroed(records_.back(), bytes_.size())), records_.back());
}

TEST_F(TornEndsTest, ALostSectorInTheLastRecordEndsTheLogBeforeIt) {
  const size_t from = SectorAt(records_.back() + kHeader);
  ASSERT_LE(from + kSector, bytes_.size());
  EXPECT_EQ(TornAt(Zeroed(from, from + kSector)), records_.back());
}

TEST_F(TornEndsTest, AFlippedBitIsDamageWhereverItIs) {
  for (const size_t record : records_) {
    std::string bytes = bytes_;
    bytes[record + kHeader + 20] ^= 1;
    EXPECT_EQ(TornAt(bytes), std::nullopt) << "at " << record;
  }
}

TEST_F(TornEndsTest, LostSectorsBeforeALaterRecordAreDamage) {
  const size_t record = records_[records_.size() - 2];
  const size_t from = SectorAt(record + kHeader);
  ASSERT_LE(from + kSector, records_.back());
  EXPECT_EQ(TornAt(Zeroed(from, from + kSector)), std::nullopt);
}

TEST_F(TornEndsTest, ZerosBehindTheLastRecordAreCutOff) {
  EXPECT_EQ(TornAt(bytes_ + std::string(3000, '\0')), bytes_.size());
}

TEST_F(TornEndsTest, ABatchOfManyBlocksIsTornWhereItsFirstLostSectorIs) {
  {
    const auto store = Open();
    ASSERT_NE(store, nullptr);
    CommitKeys(*store, 100, 1100);
  }
  log_ = DbFiles(".log").front().string();
  bytes_ = ReadAll(log_);
  ASSERT_GT(bytes_.size(), 4 * 32768u);
  EXPECT_EQ(TornAt(bytes_), std::nullopt);
  // In its third block; the blocks before and after it are whole.
  EXPECT_EQ(TornAt(Zeroed(2 * 32768 + 4096, 2 * 32768 + 8192)), 2 * 32768u);
}

TEST_F(TornEndsTest, AStoreWhoseLastChangeWasTornByALossOfPowerOpensWithoutIt) {
  // Not acknowledged yet: the watermark does not tell of it.
  const Epoch epoch = ReadWatermark(WatermarkPath()).value()->epoch;
  ASSERT_TRUE(WriteWatermark(WatermarkPath(), {epoch, Revision{4}}).ok());
  const size_t from = SectorAt(records_.back() + kHeader);
  std::ofstream(log_, std::ios::binary | std::ios::trunc) << Zeroed(from, bytes_.size());
  const auto store = Open();
  ASSERT_NE(store, nullptr);
  EXPECT_EQ(store->applied_revision(), Revision{4});
  EXPECT_EQ(CommitAndWait(*store, Putting(TestKey(9))).value().revision, Revision{5});
}

TEST_F(TornEndsTest, AStoreWhoseLastAcknowledgedChangeIsZerosIsRefused) {
  const size_t from = SectorAt(records_.back() + kHeader);
  std::ofstream(log_, std::ios::binary | std::ios::trunc) << Zeroed(from, bytes_.size());
  const absl::Status status = OpenError();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("revision 5 was acknowledged"));
}

TEST_F(TornEndsTest, AManifestWhoseLastEditWasTornByALossOfPowerIsReadUpToIt) {
  std::string manifest;
  for (const auto& entry : std::filesystem::directory_iterator(DbPath())) {
    if (entry.path().filename().string().starts_with("MANIFEST-")) manifest = entry.path();
  }
  ASSERT_FALSE(manifest.empty());
  // The begin of an edit, and zeros up to the length that it was to have.
  const std::string torn =
      std::string("\x12\x34\x56\x78\x40\x00\x01", kHeader) + std::string(0x40, '\0');
  std::string bytes = ReadAll(manifest);
  bytes += std::string(SectorAt(bytes.size()) - bytes.size(), '\0') + torn;
  std::ofstream(manifest, std::ios::binary | std::ios::trunc) << bytes;
  const auto store = Open();
  ASSERT_NE(store, nullptr);
  EXPECT_EQ(store->applied_revision(), Revision{5});
}

// Its first manifest has the name that the next try gives to its own.
TEST_F(TornEndsTest, AFirstStartThatALossOfPowerCutOffIsMadeAgain) {
  options_.data_dir = dir_.Join("first");
  ASSERT_TRUE(std::filesystem::create_directories(DbPath()));
  std::ofstream(DbPath() + "/MANIFEST-000001") << std::string(600, '\0');
  const auto store = Open();
  ASSERT_NE(store, nullptr);
  EXPECT_TRUE(CommitAndWait(*store, Putting(TestKey(1))).ok());
}

TEST_F(TornEndsTest, AFileThatCannotBeReadIsAnErrorThatNamesIt) {
  const auto end = FindTornEnd(*OrTheDisk(nullptr), DbPath() + "/000000.log");
  EXPECT_EQ(end.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(end.status().message()), HasSubstr("/000000.log"));
}

}  // namespace
}  // namespace claviger
