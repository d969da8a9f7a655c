#include "server/manage/key_manager.h"

#include "core/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/server/manage/managed_store.h"

namespace claviger {
namespace {

using ::testing::HasSubstr;

// What the network cannot bring about: deadlines that have passed by the time a change begins,
// entropy that fails or repeats.
class KeyManagerTest : public ::testing::Test {
 protected:
  KeyManagerTest() : manager_(*managed_.store, managed_.peppers, managed_.random, managed_.clock) {}

  static Caller Root() {
    KeyRecord key = TestKey(9999, kManagementProject);
    key.scopes = ScopeSet::FromTrusted({"settings.manage"});
    return Caller::FromKey(std::make_shared<const KeyRecord>(std::move(key)), "");
  }

  static IssueParams NewKey() {
    IssueParams params;
    params.project_id = kDefaultProject;
    params.display_name = "a key";
    return params;
  }

  absl::Duration InTime() const { return managed_.clock.SinceBoot() + absl::Seconds(30); }

  absl::StatusOr<IssuedKey> Issue(KeyManager& manager, IssueParams params,
                                  absl::Duration deadline) {
    absl::StatusOr<IssuedKey> result;
    absl::Notification done;
    manager.Issue(Root(), std::move(params), deadline, [&](absl::StatusOr<IssuedKey> issued) {
      result = std::move(issued);
      done.Notify();
    });
    done.WaitForNotification();
    return result;
  }

  ManagedStore managed_;
  KeyManager manager_;
};

TEST_F(KeyManagerTest, AnIssuedKeyIsFound) {
  const absl::StatusOr<IssuedKey> issued = Issue(manager_, NewKey(), InTime());
  ASSERT_TRUE(issued.ok()) << issued.status();
  const auto found = manager_.Get(Root(), issued->info->id);
  ASSERT_TRUE(found.ok());
  EXPECT_EQ((*found)->display_name, "a key");
  EXPECT_EQ(issued->info->revision, managed_.store->applied_revision());
}

TEST_F(KeyManagerTest, AChangeThatBeginsAfterItsDeadlineIsNotMade) {
  const Revision before = managed_.store->applied_revision();
  absl::StatusOr<IssuedKey> late = absl::UnknownError("not answered");
  absl::Notification done;
  {
    // The writer is busy until the deadline has passed.
    const WriterGate gate(*managed_.store);
    manager_.Issue(Root(), NewKey(), managed_.clock.SinceBoot() + absl::Seconds(1),
                   [&](absl::StatusOr<IssuedKey> issued) {
                     late = std::move(issued);
                     done.Notify();
                   });
    managed_.clock.Advance(absl::Seconds(2));
  }
  done.WaitForNotification();
  EXPECT_EQ(late.status().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(DetailsOf(late.status()).reason, Reason::kDeadlineExceeded);
  EXPECT_THAT(std::string(late.status().message()), HasSubstr("nothing was written"));
  EXPECT_EQ(managed_.store->applied_revision(), before);
}

TEST_F(KeyManagerTest, WithoutEntropyNoKeyIsIssued) {
  const Revision before = managed_.store->applied_revision();
  managed_.random.FailWith(absl::UnavailableError("no entropy"));
  EXPECT_EQ(Issue(manager_, NewKey(), InTime()).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(managed_.store->applied_revision(), before);
}

TEST_F(KeyManagerTest, ARandomSourceThatRepeatsAKeyIdIssuesNoSecondKey) {
  ConstantRandom broken(7);
  KeyManager manager(*managed_.store, managed_.peppers, broken, managed_.clock);
  ASSERT_TRUE(Issue(manager, NewKey(), InTime()).ok());
  const Revision before = managed_.store->applied_revision();
  const auto second = Issue(manager, NewKey(), InTime());
  EXPECT_EQ(second.status().code(), absl::StatusCode::kInternal);
  EXPECT_EQ(managed_.store->applied_revision(), before);
}

TEST_F(KeyManagerTest, AClosedStoreAnswersEveryCall) {
  managed_.store->Close();
  const auto issued = Issue(manager_, NewKey(), InTime());
  EXPECT_EQ(issued.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(DetailsOf(issued.status()).reason, Reason::kShuttingDown);
}

}  // namespace
}  // namespace claviger
