#include "server/verify/deleted_projects.h"

#include "fmt/format.h"
#include "gtest/gtest.h"
#include "server/verify/record_cache.h"
#include "storage/memory/memory_store.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_random.h"
#include "tests/support/store_testing.h"

namespace claviger {
namespace {

const absl::Time kDeleted = absl::FromUnixSeconds(1893456000);

Committed Deletion(std::string_view project_id, absl::Time time = kDeleted) {
  ProjectRecord project = TestProject(project_id);
  project.delete_time = time;
  Committed committed;
  committed.projects.push_back(std::make_shared<const ProjectRecord>(std::move(project)));
  return committed;
}

KeyRecord ManagementKey(std::vector<std::string> bound) {
  KeyRecord key = TestKey(1, kManagementProject);
  key.bound_project_ids = std::move(bound);
  return key;
}

TEST(DeletedProjectsTest, KeysEndWithTheirProjectUntilItIsPurged) {
  DeletedProjects projects;
  EXPECT_EQ(projects.EndOf(TestKey(1, "a")), std::nullopt);
  projects.Apply(Deletion("a"));
  EXPECT_EQ(projects.EndOf(TestKey(1, "a")), kDeleted);
  EXPECT_EQ(projects.EndOf(TestKey(1, "b")), std::nullopt);
  Committed purge;
  purge.deleted_projects.push_back("a");
  projects.Apply(purge);
  EXPECT_EQ(projects.EndOf(TestKey(1, "a")), std::nullopt);
}

TEST(DeletedProjectsTest, ManyProjectsAreToldApart) {
  DeletedProjects projects;
  for (int i = 0; i < 2000; i += 2) projects.Apply(Deletion(fmt::format("p{}", i)));
  for (int i = 0; i < 2000; ++i) {
    EXPECT_EQ(projects.EndOf(TestKey(1, fmt::format("p{}", i))).has_value(), i % 2 == 0) << i;
  }
}

// Of 20,000 projects that are not deleted, how many the filter takes for one that may be.
int Mistaken(const DeletedProjects& projects) {
  int mistaken = 0;
  for (int i = 0; i < 20'000; ++i) {
    if (projects.MayBeDeleted(fmt::format("live-{}", i))) ++mistaken;
  }
  return mistaken;
}

TEST(DeletedProjectsTest, ManyDeletedProjectsLeaveTheOthersWithoutALock) {
  DeletedProjects projects;
  EXPECT_EQ(Mistaken(projects), 0);
  for (int i = 0; i < 1'000; ++i) projects.Apply(Deletion(fmt::format("gone-{}", i)));
  EXPECT_LE(Mistaken(projects), 10) << "not one in thousands";
  for (int i = 1'000; i < 10'000; ++i) projects.Apply(Deletion(fmt::format("gone-{}", i)));
  EXPECT_LE(Mistaken(projects), 20) << "not one in a thousand";
  for (int i = 10'000; i < 50'000; ++i) projects.Apply(Deletion(fmt::format("gone-{}", i)));
  EXPECT_LE(Mistaken(projects), 200) << "not one in hundreds";
  for (int i = 0; i < 50'000; ++i) {
    ASSERT_TRUE(projects.MayBeDeleted(fmt::format("gone-{}", i))) << i;
  }
}

TEST(DeletedProjectsTest, APurgeTakesAProjectOutOfTheFilterAndLeavesTheOthers) {
  DeletedProjects projects;
  for (int i = 0; i < 100; ++i) projects.Apply(Deletion(fmt::format("gone-{}", i)));
  Committed purge;
  for (int i = 0; i < 50; ++i) purge.deleted_projects.push_back(fmt::format("gone-{}", i));
  projects.Apply(purge);
  int left = 0;
  for (int i = 0; i < 50; ++i) left += projects.MayBeDeleted(fmt::format("gone-{}", i)) ? 1 : 0;
  EXPECT_LE(left, 5);
  for (int i = 50; i < 100; ++i) {
    EXPECT_TRUE(projects.MayBeDeleted(fmt::format("gone-{}", i))) << i;
  }
}

TEST(DeletedProjectsTest, AManagementKeyEndsWithTheLastProjectThatItIsBoundTo) {
  DeletedProjects projects;
  projects.Apply(Deletion("a"));
  EXPECT_EQ(projects.EndOf(ManagementKey({"a"})), kDeleted);
  EXPECT_EQ(projects.EndOf(ManagementKey({"a", "b"})), std::nullopt);
  EXPECT_EQ(projects.EndOf(ManagementKey({})), std::nullopt) << "it acts in all projects";
  projects.Apply(Deletion("b", kDeleted + absl::Hours(1)));
  EXPECT_EQ(projects.EndOf(ManagementKey({"a", "b"})), kDeleted + absl::Hours(1));
}

class CacheOverDeletedProjectTest : public testing::Test {
 protected:
  CacheOverDeletedProjectTest()
      : store_(*MemoryStore::Create({.clock = &clock_, .random = &random_, .commit = {}})) {}
  ~CacheOverDeletedProjectTest() override { store_->Close(); }

  template <typename Record>
  void Put(Record record) {
    ASSERT_TRUE(CommitAndWait(*store_, Putting(std::move(record))).ok());
  }
  static ProjectRecord DeletedProject() {
    ProjectRecord project = TestProject("a");
    project.delete_time = kDeleted;
    return project;
  }
  static void ExpectRevoked(RecordCache& cache) {
    const auto found = cache.Find(TestKeyId(1));
    ASSERT_TRUE(found.ok());
    ASSERT_NE(found->key, nullptr);
    ASSERT_TRUE(found->key->record().revocation.has_value());
    EXPECT_EQ(found->key->record().revocation->time, kDeleted);
  }

  FakeClock clock_;
  FakeRandom random_;
  std::unique_ptr<MemoryStore> store_;
};

TEST_F(CacheOverDeletedProjectTest, AKeyIsRevokedFromTheDeletionOnWhereverItsRecordComesFrom) {
  RecordCache cache(*store_, 100);
  store_->AddListener(&cache);
  Put(TestProject("a"));
  Put(TestKey(1, "a"));
  EXPECT_FALSE(cache.Find(TestKeyId(1))->key->record().revocation.has_value());
  Put(DeletedProject());
  ExpectRevoked(cache);
}

TEST_F(CacheOverDeletedProjectTest, AfterARestartTheDeletedProjectsAreKnown) {
  Put(TestProject("a"));
  Put(TestKey(1, "a"));
  Put(DeletedProject());
  RecordCache cache(*store_, 100);
  ASSERT_TRUE(cache.LoadDeletedProjects().ok());
  ExpectRevoked(cache);
}

}  // namespace
}  // namespace claviger
