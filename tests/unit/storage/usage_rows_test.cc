// Counts of checks on disk: what outlives the process, what compaction drops, and damage.
#include <atomic>

#include "gmock/gmock.h"
#include "storage/rocksdb/codec.h"
#include "tests/unit/storage/rocksdb_testing.h"

namespace claviger {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class UsageRowsTest : public RocksDbStoreTesting {
 protected:
  const UsageHour now_ = HourOf(clock_.Now());

  static UsageCounts Valid(uint64_t count) {
    UsageCounts counts;
    counts.Add(VerifyCode::kValid, count);
    return counts;
  }
  absl::Status Add(RocksDbStore& store, int n, UsageHour hour) {
    const UsageDelta delta{
        .key_id = TestKeyId(n),
        .project_id = "default",
        .hour = hour,
        .counts = Valid(1),
        .last_use = LastUse{.time = StartOf(hour), .address = "192.0.2.1", .by = "key:x"}};
    return store.AddUsage({&delta, 1});
  }
  // Rows of the family as they are stored, whatever a read would leave out.
  std::vector<UsageHour> StoredHours(const Database& database) {
    std::vector<UsageHour> hours;
    const auto it = database.NewIterator(Family::kUsage, {});
    for (it->SeekToFirst(); it->Valid(); it->Next()) {
      hours.push_back(HourOfUsageRow(AsView(it->key())).value());
    }
    EXPECT_TRUE(it->status().ok());
    return hours;
  }
  void Compact(const Database& database) {
    ASSERT_TRUE(database.db().Flush({}, database.family(Family::kUsage)).ok());
    rocksdb::CompactRangeOptions options;
    options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
    ASSERT_TRUE(database.db()
                    .CompactRange(options, database.family(Family::kUsage), nullptr, nullptr)
                    .ok());
  }
};

TEST_F(UsageRowsTest, UsageIsThereAgainWithoutACommitBehindIt) {
  MakeStore(1);
  {
    const auto store = Open();
    ASSERT_TRUE(Add(*store, 1, now_).ok());
    ASSERT_TRUE(Add(*store, 1, now_).ok());
  }
  const auto store = Open();
  EXPECT_THAT(store->ReadUsage(TestKeyId(1), 0, now_).value(),
              ElementsAre(UsageRow{now_, Valid(2)}));
  const KeyId id = TestKeyId(1);
  EXPECT_EQ(store->FindLastUses({&id, 1}).value().front()->address, "192.0.2.1");
}

TEST_F(UsageRowsTest, AKeyThatCannotBeReadIsLeftOutAndTheOthersAreCountedOnce) {
  MakeStore(3);
  PutRaw(Family::kLastUsed, TestKeyId(2).text(), "\x01?");
  const auto store = Open();
  std::vector<UsageDelta> deltas;
  for (int n = 1; n <= 3; ++n) {
    UsageDelta& delta = deltas.emplace_back();
    delta.key_id = TestKeyId(n);
    delta.project_id = "default";
    delta.hour = now_;
    delta.counts = Valid(1);
    delta.last_use = LastUse{.time = StartOf(now_), .address = "192.0.2.1", .by = "key:x"};
  }
  const absl::Status added = store->AddUsage(deltas);
  EXPECT_TRUE(absl::IsDataLoss(added)) << added;
  for (const int n : {1, 3}) {
    EXPECT_THAT(store->ReadUsage(TestKeyId(n), 0, now_).value(),
                ElementsAre(UsageRow{now_, Valid(1)}));
  }
  EXPECT_TRUE(store->ReadUsage(TestKeyId(2), 0, now_).value().empty());
}

TEST_F(UsageRowsTest, CompactionAddsUpAndDropsWhatIsTooOld) {
  MakeStore(1);
  {
    const auto store = Open();
    for (const UsageHour back : {0, 0, 1}) ASSERT_TRUE(Add(*store, 1, now_ - back).ok());
  }
  clock_.Advance(kDefaultUsageRetention);
  const auto database = OpenRaw();
  Compact(*database);
  // Of the key and of its project.
  EXPECT_THAT(StoredHours(*database), ElementsAre(now_, now_));
  rocksdb::PinnableSlice value;
  ASSERT_TRUE(database->Get(Family::kUsage, UsageRowOf(TestKeyId(1), now_), value).value());
  EXPECT_EQ(DecodeUsage(AsView(value)).value(), Valid(2));
  clock_.Advance(absl::Hours(1));
  Compact(*database);
  EXPECT_THAT(StoredHours(*database), IsEmpty());
}

TEST_F(UsageRowsTest, ARetentionOfItsOwn) {
  options_.usage_retention = kMinUsageRetention;
  MakeStore(1);
  const auto store = Open();
  ASSERT_TRUE(Add(*store, 1, now_).ok());
  clock_.Advance(kMinUsageRetention + absl::Hours(1));
  EXPECT_THAT(store->ReadUsage(TestKeyId(1), 0, now_).value(), IsEmpty());
}

TEST_F(UsageRowsTest, ARetentionOutOfBoundsIsRefused) {
  for (const absl::Duration retention :
       {kMinUsageRetention - absl::Seconds(1), kMaxUsageRetention + absl::Seconds(1)}) {
    options_.usage_retention = retention;
    EXPECT_THAT(OpenError().message(), HasSubstr("usage_retention"));
  }
}

TEST_F(UsageRowsTest, ADamagedCountIsReportedAndEndsNoWriting) {
  MakeStore(1);
  PutRaw(Family::kUsage, UsageRowOf(TestKeyId(1), now_), "\x01\xff");
  {
    const auto store = Open();
    ASSERT_TRUE(Add(*store, 1, now_).ok());
    EXPECT_TRUE(absl::IsDataLoss(store->ReadUsage(TestKeyId(1), 0, now_).status()));
  }
  Compact(*OpenRaw());
  const auto store = Open();
  EXPECT_TRUE(absl::IsDataLoss(store->ReadUsage(TestKeyId(1), 0, now_).status()));
  EXPECT_TRUE(CommitAndWait(*store, Putting(TestKey(2))).ok());
  EXPECT_THAT(store->ReadUsage("default", 0, now_).value(), ElementsAre(UsageRow{now_, Valid(1)}));
}

TEST_F(UsageRowsTest, AFullDiskRefusesUsageBeforeRevokes) {
  std::atomic<uint64_t> free = options_.growth_reserve_bytes;
  options_.free_bytes = [&free] { return free.load(); };
  MakeStore(1);
  const auto store = Open();
  ASSERT_TRUE(Add(*store, 1, now_).ok());
  --free;
  EXPECT_TRUE(absl::IsResourceExhausted(Add(*store, 1, now_)));
}

TEST_F(UsageRowsTest, RowsOfOneSubjectLieTogether) {
  const std::vector<UsageSubject> subjects = {TestKeyId(1), TestKeyId(2), "a", "a-b", "ab"};
  for (const UsageSubject& subject : subjects) {
    for (const UsageHour hour : {0u, now_, ~0u}) {
      const std::string row = UsageRowOf(subject, hour);
      EXPECT_EQ(HourOfUsageRow(row), hour);
      for (const UsageSubject& other : subjects) {
        EXPECT_EQ(row >= UsageRowOf(other, 0) && row < UsageRowsEnd(other), subject == other);
      }
    }
  }
}

}  // namespace
}  // namespace claviger
