// What a store has after it was closed, or killed, and opened again.
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>
#include <atomic>

#include <atomic>
#include <cstdlib>

#include "core/status.h"
#include "gmock/gmock.h"
#include "storage/rocksdb/schema.h"
#include "tests/unit/storage/full_records.h"
#include "tests/unit/storage/rocksdb_testing.h"

namespace claviger {
namespace {

using testing::ElementsAre;

class RocksDbReopenTest : public RocksDbStoreTesting {};

std::vector<std::string> ScannedIds(const KeyStore& store, const std::string& project_id) {
  std::vector<std::string> ids;
  EXPECT_TRUE(store
                  .ScanKeys({.project_id = project_id, .after = {}},
                            [&ids](const auto& key) {
                              ids.push_back(key.id.ToString());
                              return true;
                            })
                  .ok());
  return ids;
}

TEST_F(RocksDbReopenTest, ImportedKeysAreFoundAgainAndItIsKnownThatThereAreSome) {
  auto store = Open();
  ASSERT_NE(store, nullptr);
  EXPECT_FALSE(store->has_imported_keys());
  KeyRecord key = TestKey(1);
  key.imported = ImportAlgorithm::kSha256;
  ASSERT_TRUE(CommitAndWait(*store, Putting(key)).ok());
  store.reset();

  store = Open();
  ASSERT_NE(store, nullptr);
  EXPECT_TRUE(store->has_imported_keys());
  EXPECT_EQ(store->FindImported(key.digest).value(), key.id);
  key.delete_time = clock_.Now();
  ASSERT_TRUE(CommitAndWait(*store, Putting(key)).ok());
  ChangeSet purge;
  purge.delete_keys = {key.id};
  ASSERT_TRUE(CommitAndWait(*store, Giving(purge)).ok());
  store.reset();

  store = Open();
  ASSERT_NE(store, nullptr);
  EXPECT_FALSE(store->has_imported_keys());
}

TEST_F(RocksDbReopenTest, EverythingIsThereAgain) {
  auto store = Open();
  ASSERT_NE(store, nullptr);
  ChangeSet all;
  all.put_keys = {FullKey(), TestKey(7, "visibility")};
  all.put_projects = {FullProject(), TestProject("gone")};
  all.put_request = FullRequest();
  all.put_canaries["p1"].bytes.fill(3);
  ASSERT_TRUE(CommitAndWait(*store, Giving(all)).ok());
  ChangeSet removal;
  removal.delete_projects = {"gone"};
  ASSERT_TRUE(CommitAndWait(*store, Giving(removal)).ok());
  const Epoch epoch = store->epoch();
  const auto stats = store->Stats(clock_.Now()).value();
  const AuditHead audit = store->VerifyAudit().value();
  store.reset();

  store = Open();
  ASSERT_NE(store, nullptr);
  EXPECT_EQ(store->epoch(), epoch);
  EXPECT_EQ(store->applied_revision(), Revision{2});
  EXPECT_EQ(store->highest_time_seen(), clock_.Now());
  KeyRecord expected = FullKey();
  expected.revision = Revision{1};
  EXPECT_TRUE(SameKey(*store->FindKey(FullKey().id).value(), expected));
  ProjectRecord expected_project = FullProject();
  expected_project.revision = Revision{1};
  EXPECT_TRUE(SameProject(*store->FindProject("visibility").value(), expected_project));
  EXPECT_EQ(store->FindProject("gone").value(), nullptr);
  EXPECT_TRUE(
      SameRequest(*store->FindRequest(FullRequest().id, clock_.Now()).value(), FullRequest()));
  EXPECT_EQ(store->Canaries().value().at("p1").bytes[0], 3);
  EXPECT_THAT(ScannedIds(*store, "visibility"),
              ElementsAre(FullKey().id.ToString(), TestKeyId(7).ToString()));
  EXPECT_EQ(store->ReadEvents(Revision{0}, 10).value().size(), 2u);
  EXPECT_EQ(store->Stats(clock_.Now()).value().keys, stats.keys);
  EXPECT_GT(store->Stats(clock_.Now()).value().bytes_on_disk, 0u);
  EXPECT_EQ(store->VerifyAudit().value(), audit);
  EXPECT_EQ(CommitAndWait(*store, Putting(TestKey(8))).value().revision, Revision{3});
}

// The ids of the rows in `requests`, after a compaction of the closed store.
std::vector<std::string> CompactedRequests(const Database& database) {
  rocksdb::ColumnFamilyHandle* const requests = database.family(Family::kRequests);
  EXPECT_TRUE(database.db().CompactRange({}, requests, nullptr, nullptr).ok());
  std::vector<std::string> ids;
  const auto rows = database.NewIterator(Family::kRequests, {});
  for (rows->SeekToFirst(); rows->Valid(); rows->Next()) ids.push_back(rows->key().ToString());
  return ids;
}

TEST_F(RocksDbReopenTest, ACompactionRemovesRequestsThatExpired) {
  auto store = Open();
  ASSERT_NE(store, nullptr);
  for (const int minutes : {10, 20, 30}) {
    ChangeSet changes;
    changes.put_request = FullRequest();
    changes.put_request->id = std::to_string(minutes);
    changes.put_request->expire_time = clock_.Now() + absl::Minutes(minutes);
    ASSERT_TRUE(CommitAndWait(*store, Giving(std::move(changes))).ok());
  }
  store.reset();
  EXPECT_THAT(CompactedRequests(*OpenRaw()), ElementsAre("10", "20", "30"));
  clock_.Advance(absl::Minutes(20));
  EXPECT_THAT(CompactedRequests(*OpenRaw()), ElementsAre("30"));
  clock_.Advance(absl::Minutes(10));
  EXPECT_THAT(CompactedRequests(*OpenRaw()), testing::IsEmpty());
}

TEST_F(RocksDbReopenTest, DataFolderIsPrivate) {
  MakeStore(1);
  for (const std::string& path : {options_.data_dir, DbPath()}) {
    struct stat info {};
    ASSERT_EQ(stat(path.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0700u) << path;
  }
}

TEST_F(RocksDbReopenTest, ShorterRetentionTrimsAtTheNextCommit) {
  MakeStore(50);
  options_.event_retention = 5;
  const auto store = Open();
  ASSERT_NE(store, nullptr);
  ASSERT_TRUE(CommitAndWait(*store, Putting(TestKey(51))).ok());
  EXPECT_EQ(store->ReadEvents(Revision{46}, 100).value().size(), 5u);
  EXPECT_EQ(store->ReadEvents(Revision{45}, 100).status().code(), absl::StatusCode::kOutOfRange);
}

TEST_F(RocksDbReopenTest, WatermarkHasTheLastRevisionAfterClose) {
  MakeStore(17);
  const auto watermark = ReadWatermark(WatermarkPath()).value();
  ASSERT_TRUE(watermark.has_value());
  EXPECT_EQ(watermark->revision, Revision{17});
}

TEST_F(RocksDbReopenTest, WatermarkThatCannotBeWrittenMakesTheStoreReadOnly) {
  const auto store = Open();
  ASSERT_NE(store, nullptr);
  // A folder in the place of the file that becomes the watermark.
  ASSERT_TRUE(std::filesystem::create_directory(WatermarkPath() + ".new"));
  ASSERT_TRUE(CommitAndWait(*store, Putting(TestKey(1))).ok());
  store->Close();
  EXPECT_EQ(store->health().writable.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(store->health().writable.message()), testing::HasSubstr("watermark"));
}

TEST_F(RocksDbReopenTest, FullDiskRefusesGrowthAndStillRevokes) {
  std::atomic<uint64_t> free = options_.growth_reserve_bytes;
  options_.free_bytes = [&free] { return free.load(); };
  const auto store = Open();
  ASSERT_NE(store, nullptr);
  ASSERT_TRUE(CommitAndWait(*store, Putting(TestKey(1))).ok());
  free = options_.reduction_reserve_bytes;
  EXPECT_EQ(CommitAndWait(*store, Putting(TestKey(2))).status().code(),
            absl::StatusCode::kResourceExhausted);
  KeyRecord revoked = TestKey(1);
  revoked.revocation = Revocation{.time = clock_.Now(), .reason = RevokeReason::kOther, .note = ""};
  ChangeSet revoke;
  revoke.put_keys = {revoked};
  revoke.admission = Admission::kReduction;
  EXPECT_TRUE(CommitAndWait(*store, Giving(revoke)).ok());
}

// A process that dies by SIGKILL in the middle of its work. It is this program once more, so the
// folder is handed on in the environment.
class RocksDbKillTest : public RocksDbStoreTesting {
 protected:
  static constexpr int kCommits = 2000;
  static constexpr int kKilledAfter = 700;
  static constexpr const char* kFolderVariable = "CLAVIGER_TEST_KILL_DIR";

  void SetUp() override {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    if (std::getenv(kFolderVariable) == nullptr) {
      setenv(kFolderVariable, options_.data_dir.c_str(), 1);
    }
    options_.data_dir = std::getenv(kFolderVariable);
  }
  void TearDown() override { unsetenv(kFolderVariable); }

  // Kills this process when the answer to commit number `kKilledAfter` is there.
  void CommitUntilKilled() {
    const auto store = Open();
    std::atomic<int> answered = 0;
    for (int n = 1; n <= kCommits; ++n) {
      store->Commit(Putting(TestKey(n)), [&answered](const absl::StatusOr<Committed>& result) {
        if (!result.ok()) _exit(1);
        if (++answered == kKilledAfter) kill(getpid(), SIGKILL);
      });
    }
    store->Close();
  }
};

TEST_F(RocksDbKillTest, EverythingAcknowledgedSurvivesAndNothingIsHalf) {
  EXPECT_EXIT(CommitUntilKilled(), testing::KilledBySignal(SIGKILL), "");
  const auto store = Open();
  ASSERT_NE(store, nullptr);
  const auto applied = static_cast<int>(store->applied_revision().value);
  EXPECT_GE(applied, kKilledAfter);
  EXPECT_LE(applied, kCommits);
  for (int n = 1; n <= kCommits; ++n) {
    ASSERT_EQ(store->FindKey(TestKeyId(n)).value() != nullptr, n <= applied) << "key " << n;
  }
  EXPECT_EQ(ScannedIds(*store, "default").size(), static_cast<size_t>(applied));
  EXPECT_EQ(store->ReadEvents(Revision{0}, kCommits).value().size(), static_cast<size_t>(applied));
  EXPECT_EQ(store->Stats(clock_.Now()).value().keys.at(KeyState::kActive),
            static_cast<uint64_t>(applied));
  EXPECT_EQ(store->VerifyAudit().value().revision, store->applied_revision());
}

TEST_F(RocksDbReopenTest, AKeyListedWithAnotherDeleteTimeIsDamage) {
  {
    const auto store = Open();
    ASSERT_NE(store, nullptr);
    KeyRecord key = TestKey(1);
    key.revocation = Revocation{.time = clock_.Now(), .note = {}};
    key.delete_time = clock_.Now();
    ASSERT_TRUE(CommitAndWait(*store, Putting(key)).ok());
  }
  PutRaw(Family::kByDelete, ByDeleteRow(clock_.Now() + absl::Seconds(1), TestKeyId(1)), "");
  const auto store = Open();
  ASSERT_NE(store, nullptr);
  int visited = 0;
  const DeletionScan scan{.until = clock_.Now() + absl::Seconds(9), .after = std::nullopt};
  const absl::Status status = store->ScanDeletedKeys(scan, [&visited](const KeyRecord&) {
    ++visited;
    return true;
  });
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(DetailsOf(status).reason, Reason::kDataCorrupt);
  EXPECT_EQ(visited, 1) << "the row that agrees";
}

}  // namespace
}  // namespace claviger
