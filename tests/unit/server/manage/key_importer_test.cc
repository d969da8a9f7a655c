// What the network cannot bring about: a store that ends a call in between.
#include "server/manage/key_importer.h"

#include "core/status.h"
#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/server/manage/managed_store.h"

namespace claviger {
namespace {

class KeyImporterTest : public ::testing::Test {
 protected:
  using Rows = absl::StatusOr<std::vector<ImportedRow>>;

  KeyImporterTest()
      : store_(*MemoryStore::Create(
            {.clock = &clock_, .random = &random_, .commit = {.max_queued = 100}})),
        peppers_(*PepperSet::Parse(*PepperSet::GenerateLine("p1", random_))),
        importer_(*store_, peppers_, random_, clock_) {
    EXPECT_TRUE(CommitAndWait(*store_, Putting(TestProject(kDefaultProject))).ok());
  }
  ~KeyImporterTest() override { store_->Close(); }

  static Caller Root() {
    KeyRecord key = TestKey(9999, kManagementProject);
    key.scopes = ScopeSet::FromTrusted({"settings.manage"});
    return Caller::FromKey(std::make_shared<const KeyRecord>(std::move(key)), "");
  }
  static ImportParams ManyRows(int count) {
    ImportParams params{.project_id = std::string(kDefaultProject), .rows = {}};
    for (int i = 0; i < count; ++i) {
      ImportRow row;
      row.hash = std::string(AsBytes(Sha256(fmt::format("text {}", i))));
      row.attributes.display_name = "an old key";
      params.rows.push_back(row);
    }
    return params;
  }

  // A call whose outcome is waited for by Take.
  struct Pending {
    absl::Notification done;
    Rows rows;
  };
  std::shared_ptr<Pending> Start(ImportParams params,
                                 absl::Duration deadline = absl::InfiniteDuration()) {
    auto pending = std::make_shared<Pending>();
    importer_.Import(Root(), std::move(params), deadline, [pending](Rows rows) {
      pending->rows = std::move(rows);
      pending->done.Notify();
    });
    return pending;
  }
  static Rows Take(const std::shared_ptr<Pending>& pending) {
    pending->done.WaitForNotification();
    return pending->rows;
  }

  FakeClock clock_;
  FakeRandom random_;
  std::unique_ptr<MemoryStore> store_;
  PepperSet peppers_;
  KeyImporter importer_;
};

TEST_F(KeyImporterTest, AFullStoreEndsTheCallAndTheNextOneFindsWhatWasImported) {
  std::shared_ptr<Pending> first;
  {
    WriterGate gate(*store_);
    first = Start(ManyRows(1000));
    gate.Open();
  }
  const Rows ended = Take(first);
  EXPECT_EQ(DetailsOf(ended.status()).reason, Reason::kOverloaded);
  int already = 0;
  for (int i = 0; i < 10; ++i) {
    // In pieces that the queue takes.
    ImportParams piece = ManyRows(1000);
    piece.rows.erase(piece.rows.begin(), piece.rows.begin() + i * 100);
    piece.rows.resize(100, ImportRow());
    const Rows rows = Take(Start(std::move(piece)));
    ASSERT_TRUE(rows.ok()) << rows.status();
    for (const ImportedRow& row : *rows) {
      EXPECT_TRUE(row.rejected.ok()) << row.rejected;
      ASSERT_TRUE(row.key_id.has_value());
      already += row.already_there ? 1 : 0;
    }
  }
  EXPECT_GT(already, 0);
  EXPECT_LE(already, 100);
}

TEST_F(KeyImporterTest, AfterItsDeadlineNothingMoreIsImported) {
  std::shared_ptr<Pending> late;
  {
    WriterGate gate(*store_);
    late = Start(ManyRows(50), clock_.SinceBoot() + absl::Seconds(1));
    clock_.Advance(absl::Seconds(2));
    gate.Open();
  }
  EXPECT_EQ(DetailsOf(Take(late).status()).reason, Reason::kDeadlineExceeded);
  EXPECT_FALSE(store_->has_imported_keys());
}

TEST_F(KeyImporterTest, AProjectThatIsDeletedTakesNothing) {
  ProjectRecord project = TestProject("gone");
  project.delete_time = clock_.Now();
  ASSERT_TRUE(CommitAndWait(*store_, Putting(project)).ok());
  ImportParams params = ManyRows(1);
  params.project_id = "gone";
  EXPECT_EQ(DetailsOf(Take(Start(std::move(params))).status()).reason, Reason::kProjectNotFound);
}

TEST_F(KeyImporterTest, ARowOfAnOldPepperIsFoundWhereANewOneWrites) {
  const Secret old_line = *PepperSet::GenerateLine("old", random_);
  const Secret new_line = *PepperSet::GenerateLine("new", random_);
  const PepperSet before = *PepperSet::Parse(old_line);
  const PepperSet after = *PepperSet::Parse(
      Secret(std::string(new_line.ExposeSecret()) + std::string(old_line.ExposeSecret())));
  std::optional<KeyId> id;
  for (const PepperSet* peppers : {&before, &after}) {
    KeyImporter importer(*store_, *peppers, random_, clock_);
    auto pending = std::make_shared<Pending>();
    importer.Import(Root(), ManyRows(1), absl::InfiniteDuration(), [pending](Rows rows) {
      pending->rows = std::move(rows);
      pending->done.Notify();
    });
    const Rows rows = Take(pending);
    ASSERT_TRUE(rows.ok()) << rows.status();
    EXPECT_EQ(rows->front().already_there, peppers == &after);
    if (id.has_value()) {
      EXPECT_EQ(rows->front().key_id, id);
    }
    id = rows->front().key_id;
  }
}

}  // namespace
}  // namespace claviger
