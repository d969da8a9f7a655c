// Faults of the backend; what goes well is in tests/contract/.
#include "storage/group_committer.h"

#include <map>
#include <memory>

#include "core/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "storage/memory/memory_store.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_random.h"
#include "tests/support/store_testing.h"

namespace claviger {
namespace {

// Answers as it is told.
class FakeBackend final : public CommitBackend {
 public:
  absl::Status Admit(Admission admission) override {
    return admission == Admission::kGrowth ? admit_growth : absl::OkStatus();
  }
  absl::Status Write(std::span<const NumberedChange> batch) override {
    ++writes;
    for (const NumberedChange& change : batch) revisions.push_back(change.committed.revision.value);
    return write;
  }

  // Set before the first commit.
  absl::Status admit_growth;
  absl::Status write;
  // Read after Close.
  int writes = 0;
  std::vector<uint64_t> revisions;
};

class GroupCommitterTest : public testing::Test {
 protected:
  absl::StatusOr<Committed> Commit(Mutation mutation) {
    absl::Notification done;
    absl::StatusOr<Committed> answer;
    committer_.Commit(std::move(mutation), [&](absl::StatusOr<Committed> result) {
      answer = std::move(result);
      done.Notify();
    });
    done.WaitForNotification();
    return answer;
  }

  FakeClock clock_;
  FakeRandom random_;
  FakeBackend backend_;
  const std::unique_ptr<MemoryStore> empty_ =
      std::move(MemoryStore::Create({.clock = &clock_, .random = &random_, .commit = {}})).value();
  GroupCommitter committer_{*empty_, backend_, clock_, {}, {.applied = Revision{41}}};
};

TEST_F(GroupCommitterTest, RevisionsGoOnBehindThePosition) {
  EXPECT_EQ(committer_.applied_revision(), Revision{41});
  EXPECT_EQ(Commit(Putting(TestKey(1))).value().revision, Revision{42});
  EXPECT_EQ(committer_.applied_revision(), Revision{42});
}

TEST_F(GroupCommitterTest, FailedWriteMakesTheStoreReadOnlyForGood) {
  backend_.write = absl::UnavailableError("disk on fire");
  const absl::Status first = Commit(Putting(TestKey(1))).status();
  EXPECT_EQ(first.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(DetailsOf(first).reason, Reason::kStoreUnavailable);
  EXPECT_THAT(std::string(first.message()), testing::HasSubstr("disk on fire"));
  EXPECT_EQ(committer_.applied_revision(), Revision{41});
  EXPECT_EQ(committer_.health().writable, first);

  bool ran = false;
  const auto later = Commit([&ran](const StateReader&) -> absl::StatusOr<ChangeSet> {
    ran = true;
    return ChangeSet();
  });
  EXPECT_EQ(later.status(), first);
  EXPECT_FALSE(ran);
  committer_.Close();
  EXPECT_EQ(backend_.writes, 1);
}

TEST_F(GroupCommitterTest, DamageMayComeAgainAfterARestart) {
  backend_.write = absl::DataLossError("block checksum mismatch");
  const std::string said(Commit(Putting(TestKey(1))).status().message());
  EXPECT_THAT(said, testing::HasSubstr("until it is restarted"));
  EXPECT_THAT(said, testing::HasSubstr("comes again, export the audit log"));
  EXPECT_THAT(said, testing::HasSubstr("block checksum mismatch"));
}

TEST_F(GroupCommitterTest, FailedWriteIsNotHeardOfByListeners) {
  class NoListener final : public CommitListener {
   public:
    void OnCommitted(std::span<const Committed>) override { ADD_FAILURE() << "told of a failure"; }
  } listener;
  committer_.AddListener(&listener);
  backend_.write = absl::UnavailableError("disk on fire");
  EXPECT_FALSE(Commit(Putting(TestKey(1))).ok());
  committer_.Close();
}

TEST_F(GroupCommitterTest, GrowthThatHasNoRoomTakesNoRevision) {
  backend_.admit_growth = absl::ResourceExhaustedError("full");
  EXPECT_EQ(Commit(Putting(TestKey(1))).status(), absl::ResourceExhaustedError("full"));
  ChangeSet revoke;
  revoke.put_keys = {TestKey(2)};
  revoke.admission = Admission::kReduction;
  EXPECT_EQ(Commit(Giving(revoke)).value().revision, Revision{42});
  EXPECT_TRUE(Commit(Giving({})).ok()) << "no change needs no room";
  EXPECT_TRUE(committer_.health().writable.ok());
  committer_.Close();
  EXPECT_THAT(backend_.revisions, testing::ElementsAre(42));
}

TEST_F(GroupCommitterTest, FirstReasonForRefusingStays) {
  committer_.RefuseForGood(absl::UnavailableError("first"));
  committer_.RefuseForGood(absl::UnavailableError("second"));
  EXPECT_THAT(std::string(committer_.health().writable.message()), testing::HasSubstr("first"));
  EXPECT_EQ(Commit(Giving({})).status(), committer_.health().writable);
}

}  // namespace
}  // namespace claviger
