// A restore that ends at any moment, and folders that are not fit for one.
#include "storage/rocksdb/restore_folder.h"

#include <filesystem>
#include <fstream>

#include "gmock/gmock.h"
#include "tests/unit/storage/rocksdb_testing.h"

namespace claviger {
namespace {

using ::testing::HasSubstr;

namespace fs = std::filesystem;

class RestoreFolderTest : public RocksDbStoreTesting {
 protected:
  std::string Path(const std::string& name) const { return options_.data_dir + "/" + name; }
  std::string RestoringPath() const { return Path(kRestoringFolder); }
  std::unique_ptr<DataDir> Lock() const {
    auto dir = DataDir::Open(options_.data_dir);
    EXPECT_TRUE(dir.ok()) << dir.status();
    return dir.ok() ? *std::move(dir) : nullptr;
  }
  static void Write(const std::string& path, std::string_view text) {
    std::ofstream(path, std::ios::binary) << text;
  }
  // Names and contents of all files in the data folder.
  std::map<std::string, std::string> Everything() const {
    std::map<std::string, std::string> found;
    for (const auto& entry : fs::recursive_directory_iterator(options_.data_dir)) {
      if (!entry.is_regular_file()) continue;
      std::ifstream file(entry.path(), std::ios::binary);
      found[entry.path().string()] = {std::istreambuf_iterator<char>(file), {}};
    }
    return found;
  }

  // A store in kRestoringFolder, with keys 1 to 3 and a file beside it, that is complete. Its
  // revision.
  Revision MakeCompleteRestore() {
    const auto dir = Lock();
    EXPECT_TRUE(BeginRestore(*dir, {}).ok());
    RocksDbStoreOptions options = options_;
    options.data_dir = RestoringPath();
    const auto store = RocksDbStore::Open(options);
    EXPECT_TRUE(store.ok()) << store.status();
    for (int n = 1; n <= 3; ++n) {
      EXPECT_TRUE(CommitAndWait(**store, Putting(TestKey(n))).ok());
    }
    (*store)->Close();
    Write(RestoringPath() + "/root.key", "key");
    EXPECT_EQ(MarkRestoreComplete(*dir, "what it was"), absl::OkStatus());
    return (*store)->applied_revision();
  }
};

TEST_F(RestoreFolderTest, AStrayFolderBesideALiveStoreCostsTheStoreNothing) {
  MakeStore(3);
  fs::create_directory(RestoringPath());
  Write(RestoringPath() + "/something", "");
  const auto before = Everything();
  EXPECT_EQ(CheckFitToRestoreInto(options_.data_dir, {}).code(),
            absl::StatusCode::kFailedPrecondition);
  {
    const auto dir = Lock();
    const auto begun = BeginRestore(*dir, {});
    EXPECT_EQ(begun.status().code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(std::string(begun.status().message()), HasSubstr("nothing in it was touched"));
  }
  EXPECT_EQ(Everything(), before);
  EXPECT_THAT(std::string(OpenError().message()), HasSubstr("move it away"));
  fs::remove_all(RestoringPath());
  const auto store = Open();
  ASSERT_NE(store, nullptr);
  EXPECT_EQ(store->applied_revision(), Revision{3});
}

TEST_F(RestoreFolderTest, EndedAtAnyStepARestoreIsFinishedByTheNextRun) {
  for (int stop_at = 0;; ++stop_at) {
    SCOPED_TRACE(stop_at);
    fs::remove_all(options_.data_dir);
    const Revision revision = MakeCompleteRestore();
    int steps = 0;
    bool gone = false;  // with the last mark that a next run could see
    {
      const auto dir = Lock();
      const absl::Status ended = FinishRestore(*dir, [&] {
        return steps++ == stop_at ? absl::AbortedError("killed") : absl::OkStatus();
      });
      if (ended.ok()) break;
      ASSERT_EQ(ended.code(), absl::StatusCode::kAborted);
      gone = !fs::exists(RestoringPath() + "/" + kCompleteFile);
    }
    if (!gone) {
      EXPECT_THAT(std::string(OpenError().message()), HasSubstr("restore` again as before"));
      EXPECT_EQ(CheckFitToRestoreInto(options_.data_dir, {}), absl::OkStatus());
      const auto dir = Lock();
      EXPECT_FALSE(BeginRestore(*dir, {}).ok()) << "it is not begun anew";
      EXPECT_EQ(*FindCompleteRestore(*dir), "what it was");
      EXPECT_EQ(FinishRestore(*dir), absl::OkStatus());
    } else {
      // All is in its place: another restore is refused, a start is not.
      EXPECT_FALSE(CheckFitToRestoreInto(options_.data_dir, {}).ok());
    }
    const auto store = Open();
    ASSERT_NE(store, nullptr);
    EXPECT_EQ(store->applied_revision(), revision);
    EXPECT_FALSE(fs::exists(RestoringPath()));
    EXPECT_TRUE(fs::exists(Path("root.key")));
  }
}

TEST_F(RestoreFolderTest, WhatIsThereAlreadyIsNotReplacedNorIsAnythingMoved) {
  for (const std::string name : {"watermark", "root.key", "db/CURRENT"}) {
    SCOPED_TRACE(name);
    fs::remove_all(options_.data_dir);
    MakeCompleteRestore();
    Write(Path(name), "somebody else's");
    const auto before = Everything();
    const auto dir = Lock();
    const absl::Status status = FinishRestore(*dir);
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(std::string(status.message()), HasSubstr("is there already"));
    EXPECT_EQ(Everything(), before);
  }
}

TEST_F(RestoreFolderTest, WhatAnInterruptedRestoreLeftIsReplacedAndTheServersFilesStay) {
  fs::create_directory(options_.data_dir);
  Write(Path("pepper"), "p");
  {
    const auto dir = Lock();
    ASSERT_TRUE(BeginRestore(*dir, {"pepper"}).ok());
  }
  Write(RestoringPath() + "/complete.new", "half of");
  fs::create_directory(RestoringPath() + "/db");
  Write(RestoringPath() + "/db/000012.sst", "left");
  EXPECT_THAT(std::string(OpenError().message()), HasSubstr("began and did not end"));

  EXPECT_EQ(CheckFitToRestoreInto(options_.data_dir, {"pepper"}), absl::OkStatus());
  EXPECT_FALSE(CheckFitToRestoreInto(options_.data_dir, {}).ok()) << "nobody said whose it is";
  const auto dir = Lock();
  EXPECT_FALSE(FinishRestore(*dir).ok()) << "it is not complete";
  const auto folder = BeginRestore(*dir, {"pepper"});
  ASSERT_TRUE(folder.ok()) << folder.status();
  EXPECT_TRUE(fs::is_empty(*folder));
  EXPECT_TRUE(fs::exists(Path("pepper")));
}

TEST_F(RestoreFolderTest, AnEmptyFolderWithoutAStoreKeepsAServerFromBeginningAnew) {
  {
    const auto dir = Lock();
    ASSERT_TRUE(BeginRestore(*dir, {}).ok());
  }
  EXPECT_THAT(std::string(OpenError().message()), HasSubstr("began and did not end"));
  EXPECT_TRUE(fs::exists(RestoringPath()));
}

TEST_F(RestoreFolderTest, AFolderOfSomethingElseIsNotRestoredInto) {
  fs::create_directory(options_.data_dir);
  Write(Path("notes.txt"), "");
  const absl::Status status = CheckFitToRestoreInto(options_.data_dir, {});
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("'notes.txt'"));
}

}  // namespace
}  // namespace claviger
