// When a store refuses to open, and what it says then.
#include <fstream>

#include "core/status.h"
#include "core/sync_messages.h"
#include "gmock/gmock.h"
#include "tests/unit/storage/full_records.h"
#include "tests/unit/storage/rocksdb_testing.h"

namespace claviger {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class RocksDbOpenTest : public RocksDbStoreTesting {
 protected:
  // Expects that the store does not open, with this code and message.
  void ExpectRefused(absl::StatusCode code, const testing::Matcher<std::string>& message) {
    const absl::Status status = OpenError();
    EXPECT_EQ(status.code(), code) << status;
    EXPECT_THAT(std::string(status.message()), message);
  }

  // Expects that the store opens only with `accept_older_state`, and then under another epoch.
  void ExpectOpensOnlyUnderANewEpoch(const Epoch& old_epoch, Revision at) {
    EXPECT_EQ(OpenError().code(), absl::StatusCode::kDataLoss);
    options_.accept_older_state = true;
    const auto store = Open();
    ASSERT_NE(store, nullptr);
    EXPECT_NE(store->epoch(), old_epoch);
    EXPECT_EQ(store->applied_revision(), at);
    EXPECT_EQ(CommitAndWait(*store, Putting(TestKey(500))).value().revision, at.Next());
  }

  Epoch MakeStoreAndTellEpoch(int keys) {
    MakeStore(keys);
    return ReadWatermark(WatermarkPath()).value()->epoch;
  }

  void RemoveLogs() {
    for (const auto& path : DbFiles(".log")) std::filesystem::remove(path);
  }
};

TEST_F(RocksDbOpenTest, SecondOpenIsRefusedUntilTheFirstIsGone) {
  auto store = Open();
  ASSERT_NE(store, nullptr);
  ExpectRefused(absl::StatusCode::kFailedPrecondition,
                AllOf(HasSubstr(options_.data_dir), HasSubstr("in use by another clavigerd")));
  store.reset();
  EXPECT_NE(Open(), nullptr);
}

TEST_F(RocksDbOpenTest, StoreBehindItsWatermarkIsRefused) {
  const Epoch epoch = MakeStoreAndTellEpoch(5);
  ASSERT_TRUE(WriteWatermark(WatermarkPath(), {epoch, Revision{6}}).ok());
  ExpectRefused(absl::StatusCode::kDataLoss,
                AllOf(HasSubstr("revision 5"), HasSubstr("revision 6 was acknowledged"),
                      HasSubstr(WatermarkPath()), HasSubstr("restore a backup"),
                      HasSubstr("--accept-older-state")));
  ExpectOpensOnlyUnderANewEpoch(epoch, Revision{5});
}

TEST_F(RocksDbOpenTest, StoreAheadOfItsWatermarkOpens) {
  const Epoch epoch = MakeStoreAndTellEpoch(5);
  ASSERT_TRUE(WriteWatermark(WatermarkPath(), {epoch, Revision{2}}).ok());
  const auto store = Open();
  ASSERT_NE(store, nullptr);
  EXPECT_EQ(store->epoch(), epoch);
  EXPECT_EQ(store->applied_revision(), Revision{5});
}

// A copy of the whole directory has a watermark that fits, and nobody can tell it from the
// original.
TEST_F(RocksDbOpenTest, AcceptingAnOlderStateBeginsANewEpochWhateverTheWatermark) {
  const Epoch epoch = MakeStoreAndTellEpoch(5);
  options_.accept_older_state = true;
  const Epoch accepted = Open()->epoch();
  EXPECT_NE(accepted, epoch);
  options_.accept_older_state = false;
  EXPECT_EQ(Open()->epoch(), accepted);
}

// What was lost may have granted longer leases than what is left knows of (I11).
TEST_F(RocksDbOpenTest, AcceptingAnOlderStateExpectsLeasesOfAnyLength) {
  MakeStore(5);
  EXPECT_EQ(Open()->LongestLease().value(), absl::ZeroDuration());
  options_.accept_older_state = true;
  EXPECT_EQ(Open()->LongestLease().value(), sync::kMaxLease + sync::kMaxStaleOnError);
}

TEST_F(RocksDbOpenTest, DeletedLogIsFound) {
  const Epoch epoch = MakeStoreAndTellEpoch(5);
  RemoveLogs();
  ExpectRefused(absl::StatusCode::kDataLoss, HasSubstr(WatermarkPath()));
  ExpectOpensOnlyUnderANewEpoch(epoch, Revision{0});
}

TEST_F(RocksDbOpenTest, WatermarkOfAnotherEpochIsRefused) {
  const Epoch epoch = MakeStoreAndTellEpoch(5);
  Epoch other = epoch;
  other.bytes[0] ^= 1;
  ASSERT_TRUE(WriteWatermark(WatermarkPath(), {other, Revision{5}}).ok());
  ExpectRefused(absl::StatusCode::kDataLoss, HasSubstr("do not belong together"));
  ExpectOpensOnlyUnderANewEpoch(epoch, Revision{5});
}

TEST_F(RocksDbOpenTest, MissingWatermarkIsRefused) {
  const Epoch epoch = MakeStoreAndTellEpoch(5);
  std::filesystem::remove(WatermarkPath());
  ExpectRefused(absl::StatusCode::kDataLoss, HasSubstr("is missing"));
  ExpectOpensOnlyUnderANewEpoch(epoch, Revision{5});
}

TEST_F(RocksDbOpenTest, DamagedWatermarkIsRefused) {
  const Epoch epoch = MakeStoreAndTellEpoch(5);
  std::ofstream(WatermarkPath()) << "damaged";
  ExpectRefused(absl::StatusCode::kDataLoss,
                AllOf(HasSubstr(WatermarkPath()), HasSubstr("is damaged")));
  ExpectOpensOnlyUnderANewEpoch(epoch, Revision{5});
}

TEST_F(RocksDbOpenTest, LostDatabaseIsNotBegunAnew) {
  const Epoch epoch = MakeStoreAndTellEpoch(5);
  std::filesystem::remove_all(DbPath());
  ExpectRefused(absl::StatusCode::kDataLoss, HasSubstr("tells of a database"));
  ExpectOpensOnlyUnderANewEpoch(epoch, Revision{0});
}

TEST_F(RocksDbOpenTest, DatabaseWithoutItsHeadIsNeverTouched) {
  MakeStore(5);
  std::filesystem::remove(DbPath() + "/CURRENT");
  const auto logs = DbFiles(".log");
  ASSERT_FALSE(logs.empty());
  for (const bool accept : {false, true}) {
    options_.accept_older_state = accept;
    ExpectRefused(absl::StatusCode::kDataLoss, HasSubstr("CURRENT"));
    EXPECT_EQ(DbFiles(".log"), logs);
  }
}

TEST_F(RocksDbOpenTest, FlippedBitInTheLogIsNeverServed) {
  MakeStore(40);
  const auto logs = DbFiles(".log");
  ASSERT_EQ(logs.size(), 1u);
  const auto saved = dir_.Join("saved");
  std::filesystem::copy(options_.data_dir, saved, std::filesystem::copy_options::recursive);
  const auto size = std::filesystem::file_size(logs[0]);
  for (const uintmax_t position : {size / 10, size / 3, size / 2, size * 9 / 10}) {
    SCOPED_TRACE(position);
    std::filesystem::remove_all(options_.data_dir);
    std::filesystem::copy(saved, options_.data_dir, std::filesystem::copy_options::recursive);
    std::fstream log(logs[0], std::ios::in | std::ios::out | std::ios::binary);
    log.seekg(static_cast<std::streamoff>(position));
    const auto byte = static_cast<char>(log.get() ^ 0x10);
    log.seekp(static_cast<std::streamoff>(position));
    log.put(byte);
    log.close();
    EXPECT_EQ(OpenError().code(), absl::StatusCode::kDataLoss);
  }
}

TEST_F(RocksDbOpenTest, TornLogThatLostAcknowledgedChangesIsRefused) {
  MakeStore(40);
  const auto logs = DbFiles(".log");
  ASSERT_EQ(logs.size(), 1u);
  std::filesystem::resize_file(logs[0], std::filesystem::file_size(logs[0]) / 2);
  ExpectRefused(absl::StatusCode::kDataLoss, HasSubstr("revision 40 was acknowledged"));
}

TEST_F(RocksDbOpenTest, OtherSchemaVersionIsRefused) {
  MakeStore(1);
  PutRaw(Family::kMeta, kSchemaVersionRow, EncodeU32(kSchemaVersion + 1));
  ExpectRefused(absl::StatusCode::kFailedPrecondition,
                AllOf(HasSubstr("schema version 3"), HasSubstr("newer version")));
  PutRaw(Family::kMeta, kSchemaVersionRow, EncodeU32(1));
  ExpectRefused(absl::StatusCode::kFailedPrecondition, HasSubstr("schema version 1"));
  PutRaw(Family::kMeta, kSchemaVersionRow, "?");
  ExpectRefused(absl::StatusCode::kDataLoss, HasSubstr("meta"));
}

TEST_F(RocksDbOpenTest, UnknownFamilyIsRefused) {
  MakeStore(1);
  {
    const auto database = OpenRaw();
    rocksdb::ColumnFamilyHandle* handle = nullptr;
    ASSERT_TRUE(database->db().CreateColumnFamily({}, "from_the_future", &handle).ok());
    ASSERT_TRUE(database->db().DestroyColumnFamilyHandle(handle).ok());
  }
  ExpectRefused(absl::StatusCode::kFailedPrecondition,
                AllOf(HasSubstr("from_the_future"), HasSubstr("newer version")));
}

TEST_F(RocksDbOpenTest, DamagedRecordIsAnErrorOfItsReadAlone) {
  MakeStore(2);
  PutRaw(Family::kKeys, TestKeyId(1).text(), "damaged");
  const auto store = Open();
  ASSERT_NE(store, nullptr);
  const absl::Status status = store->FindKey(TestKeyId(1)).status();
  EXPECT_EQ(DetailsOf(status).reason, Reason::kDataCorrupt);
  EXPECT_NE(store->FindKey(TestKeyId(2)).value(), nullptr);
  EXPECT_EQ(CommitAndWait(*store, Putting(TestKey(1))).status().code(), status.code());
  EXPECT_FALSE(
      store->ScanKeys({.project_id = "default", .after = {}}, [](const auto&) { return true; })
          .ok());
}

TEST_F(RocksDbOpenTest, NoEntropyNoStore) {
  random_.FailWith(absl::UnavailableError("no entropy"));
  ExpectRefused(absl::StatusCode::kUnavailable, "no entropy");
  random_.FailWith(absl::OkStatus());
  EXPECT_NE(Open(), nullptr);
}

TEST_F(RocksDbOpenTest, OptionsOutOfBoundsAreRefusedByName) {
  const std::pair<const char*, void (*)(RocksDbStoreOptions&)> cases[] = {
      {"data_dir", [](RocksDbStoreOptions& o) { o.data_dir.clear(); }},
      {"clock", [](RocksDbStoreOptions& o) { o.clock = nullptr; }},
      {"random", [](RocksDbStoreOptions& o) { o.random = nullptr; }},
      {"memory_bytes", [](RocksDbStoreOptions& o) { o.memory_bytes = 1; }},
      {"event_retention", [](RocksDbStoreOptions& o) { o.event_retention = 0; }},
      {"reduction_reserve_bytes", [](RocksDbStoreOptions& o) { o.growth_reserve_bytes = 0; }},
      {"watermark_interval",
       [](RocksDbStoreOptions& o) { o.watermark_interval = absl::ZeroDuration(); }},
      {"commit.max_queued", [](RocksDbStoreOptions& o) { o.commit.max_queued = 0; }},
      {"commit.max_batch", [](RocksDbStoreOptions& o) { o.commit.max_batch = 0; }},
  };
  const RocksDbStoreOptions good = options_;
  for (const auto& [name, spoil] : cases) {
    options_ = good;
    spoil(options_);
    ExpectRefused(absl::StatusCode::kInvalidArgument, HasSubstr(name));
  }
  EXPECT_FALSE(std::filesystem::exists(good.data_dir));
}

}  // namespace
}  // namespace claviger
