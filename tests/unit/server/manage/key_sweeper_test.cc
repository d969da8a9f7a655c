#include "server/manage/key_sweeper.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/logging/log.h"
#include "tests/unit/server/manage/managed_store.h"

namespace claviger {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr absl::Duration kRetention = absl::Hours(24);
// More than are under way at a time.
constexpr int kMany = 300;

class KeySweeperTest : public ::testing::Test {
 protected:
  KeyRecord Key(int n) { return **managed_.store->FindKey(TestKeyId(n)); }
  bool Exists(int n) { return *managed_.store->FindKey(TestKeyId(n)) != nullptr; }
  bool ProjectExists(const std::string& id) { return *managed_.store->FindProject(id) != nullptr; }

  void PutDeleted(int n, absl::Time time) {
    KeyRecord key = TestKey(n);
    Delete(key, time, RevokeReason::kOther, "");
    managed_.Put(key);
  }
  void DeleteProject(const std::string& id) {
    ProjectRecord project = TestProject(id);
    project.delete_time = managed_.clock.Now();
    managed_.Put(project);
  }
  void Run() { ASSERT_EQ(sweeper_.Run(), absl::OkStatus()); }

  ManagedStore managed_;
  KeySweeper sweeper_{*managed_.store, managed_.clock, kRetention};
};

TEST_F(KeySweeperTest, KeysArePurgedFromTheEndOfTheirRetentionOn) {
  const absl::Time now = managed_.clock.Now();
  managed_.Put(TestKey(1));
  PutDeleted(2, now);
  PutDeleted(3, now + absl::Nanoseconds(1));
  Run();
  EXPECT_TRUE(Exists(2));
  managed_.clock.Advance(kRetention);
  Run();
  EXPECT_TRUE(Exists(1));
  EXPECT_FALSE(Exists(2));
  EXPECT_TRUE(Exists(3));
  EXPECT_EQ(managed_.store->Stats(managed_.clock.Now())->keys[KeyState::kDeleted], 1u);
}

TEST_F(KeySweeperTest, ManyKeysArePurgedEachByAMutationOfItsOwn) {
  for (int n = 1; n <= kMany; ++n) PutDeleted(n, managed_.clock.Now());
  managed_.clock.Advance(kRetention);
  const uint64_t before = managed_.store->applied_revision().value;
  Run();
  EXPECT_EQ(managed_.store->applied_revision().value, before + kMany);
  EXPECT_FALSE(*managed_.store->ProjectHasKeys(std::string(kDefaultProject)));
}

TEST_F(KeySweeperTest, ADeletedProjectLosesItsKeysAndThenItself) {
  managed_.Put(TestProject("a"));
  managed_.Put(TestProject("b"));
  for (int n = 1; n <= kMany; ++n) managed_.Put(TestKey(n, "a"));
  managed_.Put(TestKey(1000, "b"));
  const absl::Time deleted = managed_.clock.Now();
  DeleteProject("a");
  managed_.clock.Advance(absl::Hours(1));
  Run();
  for (const int n : {1, kMany}) {
    EXPECT_EQ(Key(n).delete_time, deleted);
    EXPECT_EQ(Key(n).revocation->time, deleted);
  }
  EXPECT_TRUE(ProjectExists("a"));
  managed_.clock.Advance(kRetention);
  Run();
  EXPECT_FALSE(Exists(1));
  EXPECT_FALSE(Exists(kMany));
  EXPECT_FALSE(ProjectExists("a"));
  EXPECT_TRUE(Exists(1000));
  EXPECT_TRUE(ProjectExists("b"));
}

TEST_F(KeySweeperTest, AnotherSweeperTakesUpWhereOneWasStopped) {
  managed_.Put(TestProject("a"));
  for (int n = 1; n <= kMany; ++n) managed_.Put(TestKey(n, "a"));
  // Half of the work of an earlier process.
  for (int n = 1; n <= kMany / 2; ++n) {
    KeyRecord key = TestKey(n, "a");
    Delete(key, managed_.clock.Now(), RevokeReason::kOther, "by hand");
    managed_.Put(key);
  }
  DeleteProject("a");
  sweeper_.Stop();
  Run();
  EXPECT_FALSE(Key(kMany).delete_time.has_value()) << "it was stopped";
  KeySweeper next(*managed_.store, managed_.clock, kRetention);
  ASSERT_TRUE(next.Run().ok());
  for (int n = 1; n <= kMany; ++n) ASSERT_TRUE(Key(n).delete_time.has_value()) << n;
  EXPECT_EQ(Key(1).revocation->note, "by hand");
}

TEST_F(KeySweeperTest, ManagementKeysLoseTheirBindingToADeletedProject) {
  managed_.Put(TestProject("a"));
  managed_.Put(TestKey(1, "a"));
  KeyRecord only = TestKey(2, kManagementProject);
  only.bound_project_ids = {"a"};
  KeyRecord both = TestKey(3, kManagementProject);
  both.bound_project_ids = {"a", "default"};
  KeyRecord all = TestKey(4, kManagementProject);
  for (const KeyRecord& key : {only, both, all}) managed_.Put(key);
  DeleteProject("a");
  Run();
  // An empty binding would be one to all projects.
  EXPECT_TRUE(Key(2).revocation.has_value());
  EXPECT_THAT(Key(2).bound_project_ids, ElementsAre("a"));
  EXPECT_FALSE(Key(3).revocation.has_value());
  EXPECT_THAT(Key(3).bound_project_ids, ElementsAre("default"));
  EXPECT_FALSE(Key(4).revocation.has_value());
}

// It was said again at each start, for the whole of the retention.
TEST_F(KeySweeperTest, ThatKeysOfADeletedProjectWereDeletedIsSaidOnce) {
  std::vector<std::string> lines;
  log::InitWithSink({}, [&lines](std::string_view line) { lines.emplace_back(line); });
  managed_.Put(TestProject("a"));
  managed_.Put(TestKey(1, "a"));
  managed_.Put(TestKey(2, "a"));
  DeleteProject("a");
  Run();
  KeySweeper after_a_restart(*managed_.store, managed_.clock, kRetention);
  EXPECT_TRUE(after_a_restart.Run().ok());
  log::Init({});
  ASSERT_THAT(lines, SizeIs(1));
  EXPECT_THAT(lines[0], HasSubstr("the keys of a deleted project are deleted project_id=a keys=2"));
}

TEST_F(KeySweeperTest, AStoreThatIsClosedIsAnErrorAndNoHang) {
  PutDeleted(1, managed_.clock.Now());
  managed_.clock.Advance(kRetention);
  managed_.store->Close();
  EXPECT_EQ(sweeper_.Run().code(), absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace claviger
