#include "server/app/bootstrap.h"

#include <fstream>
#include <iterator>

#include "core/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/manage/permissions.h"
#include "storage/memory/memory_store.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_random.h"
#include "tests/support/store_testing.h"
#include "tests/support/temp_dir.h"

namespace claviger {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::string Contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

class BootstrapTest : public ::testing::Test {
 protected:
  BootstrapTest()
      : store_(*MemoryStore::Create({.clock = &clock_, .random = &random_, .commit = {}})) {}
  ~BootstrapTest() override { store_->Close(); }

  std::string Line(const std::string& id) {
    return std::string(PepperSet::GenerateLine(id, random_)->ExposeSecret());
  }

  static PepperSet Peppers(const std::string& lines) {
    return *PepperSet::Parse(Secret::CopyOf(lines));
  }

  absl::Status Check(const PepperSet& peppers) {
    return CheckPeppers(*store_, peppers, clock_.Now());
  }

  std::string root_key_file() const { return dir_.Join("root.key"); }

  absl::StatusOr<bool> Bootstrap(const PepperSet& peppers) {
    return BootstrapIfNew(*store_, peppers, random_, clock_, root_key_file());
  }

  TempDir dir_;
  FakeClock clock_;
  FakeRandom random_;
  std::unique_ptr<MemoryStore> store_;
};

TEST_F(BootstrapTest, ANewStoreGetsProjectsAndAKeyThatMayDoEverything) {
  const PepperSet peppers = Peppers(Line("p1"));
  ASSERT_EQ(*Bootstrap(peppers), true);
  EXPECT_NE(*store_->FindProject("default"), nullptr);
  const auto management = *store_->FindProject("claviger");
  ASSERT_NE(management, nullptr);
  EXPECT_EQ(management->scope_catalog.size(), permission::kAll.size());

  const std::string raw = Contents(root_key_file());
  const auto parsed = ParseKey(raw);
  ASSERT_TRUE(parsed.has_value()) << "the file has the key and nothing else";
  const auto key = *store_->FindKey(parsed->id);
  ASSERT_NE(key, nullptr);
  EXPECT_EQ(key->project_id, "claviger");
  EXPECT_TRUE(key->scopes.Covers("settings.manage"));
  EXPECT_EQ(key->created_by, "system");
  EXPECT_EQ(key->create_time, clock_.Now());
  EXPECT_TRUE(Equal(key->digest, *peppers.Digest("p1", key->id, HashKey(raw))));
}

TEST_F(BootstrapTest, AStoreThatHasAKeyIsLeftAlone) {
  const PepperSet peppers = Peppers(Line("p1"));
  ASSERT_EQ(*Bootstrap(peppers), true);
  const std::string raw = Contents(root_key_file());
  const Revision before = store_->applied_revision();
  EXPECT_EQ(*Bootstrap(peppers), false);
  EXPECT_EQ(Contents(root_key_file()), raw);
  EXPECT_EQ(store_->applied_revision(), before);
}

TEST_F(BootstrapTest, AFileOfAStartThatDidNotFinishIsReplaced) {
  dir_.Write("root.key", "of a store that was never written");
  ASSERT_EQ(*Bootstrap(Peppers(Line("p1"))), true);
  EXPECT_TRUE(ParseKey(Contents(root_key_file())).has_value());
}

TEST_F(BootstrapTest, WhereTheFileCannotBeWrittenThereIsNoKey) {
  const auto bootstrapped =
      BootstrapIfNew(*store_, Peppers(Line("p1")), random_, clock_, dir_.Join("nowhere/root.key"));
  EXPECT_FALSE(bootstrapped.ok());
  EXPECT_THAT(std::string(bootstrapped.status().message()), HasSubstr("nowhere/root.key"));
  EXPECT_EQ(store_->applied_revision(), Revision{});
}

TEST_F(BootstrapTest, WithoutEntropyThereIsNoKey) {
  const PepperSet peppers = Peppers(Line("p1"));
  random_.FailWith(absl::UnavailableError("no entropy"));
  EXPECT_FALSE(Bootstrap(peppers).ok());
  EXPECT_EQ(store_->applied_revision(), Revision{});
}

TEST_F(BootstrapTest, TheSamePeppersAreGood) {
  const PepperSet peppers = Peppers(Line("p1") + Line("p2"));
  ASSERT_TRUE(Bootstrap(peppers).ok());
  const Revision before = store_->applied_revision();
  EXPECT_EQ(Check(peppers), absl::OkStatus());
  EXPECT_EQ(store_->applied_revision(), before);
}

TEST_F(BootstrapTest, PeppersInAnotherOrderAreGood) {
  const std::string p1 = Line("p1");
  const std::string p2 = Line("p2");
  ASSERT_TRUE(Bootstrap(Peppers(p1 + p2)).ok());
  EXPECT_EQ(Check(Peppers(p2 + p1)), absl::OkStatus());
}

TEST_F(BootstrapTest, AMissingOrOtherPepperIsNamed) {
  ASSERT_TRUE(Bootstrap(Peppers(Line("p2") + Line("p3"))).ok());
  const absl::Status status = Check(Peppers(Line("p1") + Line("p3")));
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(DetailsOf(status).reason, Reason::kConfigInvalid);
  EXPECT_THAT(std::string(status.message()), AllOf(HasSubstr("missing [p2 (1 keys need it)]"),
                                                   HasSubstr("other bytes than before [p3]")));
}

TEST_F(BootstrapTest, ANewPepperIsRememberedFromItsFirstStartOn) {
  const std::string p1 = Line("p1");
  const std::string p2 = Line("p2");
  ASSERT_TRUE(Bootstrap(Peppers(p1)).ok());
  EXPECT_EQ(Check(Peppers(p2 + p1)), absl::OkStatus());
  EXPECT_EQ(store_->Canaries()->size(), 2u);
  EXPECT_THAT(std::string(Check(Peppers(Line("p2") + p1)).message()),
              HasSubstr("other bytes than before [p2]"));
}

TEST_F(BootstrapTest, APepperThatNothingNeedsMayGoAndItsNameIsFreeAgain) {
  const std::string p1 = Line("p1");
  ASSERT_TRUE(Bootstrap(Peppers(p1 + Line("p2"))).ok());
  EXPECT_EQ(Check(Peppers(p1)), absl::OkStatus());
  EXPECT_EQ(store_->Canaries()->size(), 1u);
  const Revision after = store_->applied_revision();
  EXPECT_EQ(Check(Peppers(p1)), absl::OkStatus());
  EXPECT_EQ(store_->applied_revision(), after) << "it is recorded once";
  EXPECT_EQ(Check(Peppers(p1 + Line("p2"))), absl::OkStatus());
}

TEST_F(BootstrapTest, APepperIsNeededByKeysThatMayVerifyOneDay) {
  ASSERT_TRUE(Bootstrap(Peppers(Line("p1") + Line("p2"))).ok());
  const PepperSet without = Peppers(Line("p3"));
  KeyRecord key = TestKey(1);
  key.pepper_id = "p2";
  key.disabled = true;
  ASSERT_TRUE(CommitAndWait(*store_, Putting(key)).ok());
  EXPECT_THAT(std::string(Check(without).message()),
              AllOf(HasSubstr("p1 (1 keys need it)"), HasSubstr("p2 (1 keys need it)")));
  key.revocation = Revocation{.time = clock_.Now()};
  ASSERT_TRUE(CommitAndWait(*store_, Putting(key)).ok());
  EXPECT_THAT(std::string(Check(without).message()), HasSubstr("missing [p1 (1 keys need it)]"));
}

TEST_F(BootstrapTest, APepperIsNeededByAnAnswerThatIsKeptForARetry) {
  const std::string p1 = Line("p1");
  ASSERT_TRUE(Bootstrap(Peppers(p1 + Line("p2"))).ok());
  ChangeSet changes;
  changes.put_request =
      RequestRecord{.id = "r", .pepper_id = "p2", .expire_time = clock_.Now() + absl::Minutes(10)};
  ASSERT_TRUE(CommitAndWait(*store_, Giving(changes)).ok());
  EXPECT_THAT(std::string(Check(Peppers(p1)).message()),
              HasSubstr("missing [p2 (0 keys need it, and, for 10 minutes at most, 1 answers"));
  clock_.Advance(absl::Minutes(10));
  EXPECT_EQ(Check(Peppers(p1)), absl::OkStatus());
}

TEST_F(BootstrapTest, APepperFileIsMadeOnlyWhereThatIsWanted) {
  const std::string file = dir_.Join("pepper");
  EXPECT_FALSE(LoadPeppers(file, /*make_missing=*/false, random_).ok());
  const auto made = LoadPeppers(file, /*make_missing=*/true, random_);
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(made->writing_id(), "p1");
  const auto again = LoadPeppers(file, /*make_missing=*/true, random_);
  EXPECT_TRUE(Equal(*again->Canary("p1"), *made->Canary("p1")));
}

TEST_F(BootstrapTest, AFileThatIsNoPepperFileIsNamed) {
  const std::string file = dir_.Write("pepper", "p1:short\n");
  const auto peppers = LoadPeppers(file, /*make_missing=*/true, random_);
  EXPECT_EQ(peppers.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(peppers.status().message()), HasSubstr(file));
}

}  // namespace
}  // namespace claviger
