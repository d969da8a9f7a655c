#include "server/manage/bulk_revoke.h"

#include "core/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/server/manage/managed_store.h"

namespace claviger {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

// Several slices, and one that is not full.
constexpr int kMany = 300;

// What the network cannot bring about at a chosen moment: the end of time and of the server.
class BulkRevokerTest : public ::testing::Test {
 protected:
  BulkRevokerTest() {
    for (int n = 1; n <= kMany; ++n) managed_.Put(TestKey(n));
  }

  static Caller Root() {
    KeyRecord key = TestKey(9999, kManagementProject);
    key.scopes = ScopeSet::FromTrusted({"settings.manage"});
    return Caller::FromKey(std::make_shared<const KeyRecord>(std::move(key)), "");
  }

  static BulkRevokeParams AllOfDefault() {
    BulkRevokeParams params;
    params.filter.project_ids = {std::string(kDefaultProject)};
    params.max_keys = 10'000;
    return params;
  }

  absl::Duration In(absl::Duration time) const { return managed_.clock.SinceBoot() + time; }
  bool IsRevoked(int n) { return (*managed_.store->FindKey(TestKeyId(n)))->revocation.has_value(); }

  absl::StatusOr<BulkRevoked> Run(BulkRevokeParams params, absl::Duration until) {
    absl::StatusOr<BulkRevoked> result;
    absl::Notification done;
    bulk_.Run(Root(), std::move(params), until, [&](absl::StatusOr<BulkRevoked> revoked) {
      result = std::move(revoked);
      done.Notify();
    });
    done.WaitForNotification();
    return result;
  }

  ManagedStore managed_;
  KeyManager keys_{*managed_.store, managed_.peppers, managed_.random, managed_.clock};
  BulkRevoker bulk_{keys_, *managed_.store, managed_.clock};
};

TEST_F(BulkRevokerTest, EachKeyIsAChangeOfItsOwn) {
  const uint64_t before = managed_.store->applied_revision().value;
  const auto revoked = Run(AllOfDefault(), In(absl::Seconds(10)));
  ASSERT_TRUE(revoked.ok()) << revoked.status();
  EXPECT_EQ(revoked->matched, kMany);
  EXPECT_EQ(revoked->revoked, kMany);
  EXPECT_EQ(revoked->failed, 0);
  EXPECT_FALSE(revoked->cut_short);
  EXPECT_EQ(revoked->revision.value, before + kMany);
  EXPECT_EQ(managed_.store->applied_revision(), revoked->revision);
  EXPECT_THAT(revoked->sample, SizeIs(kMaxSample));
  EXPECT_THAT(revoked->project_ids, ElementsAre("default"));
  for (int n = 1; n <= kMany; ++n) ASSERT_TRUE(IsRevoked(n));

  const auto again = Run(AllOfDefault(), In(absl::Seconds(10)));
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->revoked, 0);
  EXPECT_EQ(again->already_revoked, kMany);
  // It is waited for as before: the first answer may have been lost.
  EXPECT_EQ(again->revision, revoked->revision);
}

TEST_F(BulkRevokerTest, FromTheDeadlineOnNothingIsBegun) {
  absl::StatusOr<BulkRevoked> result = absl::UnknownError("not answered");
  absl::Notification done;
  {
    // The first slice waits behind the gate until the time is over.
    const WriterGate gate(*managed_.store);
    bulk_.Run(Root(), AllOfDefault(), In(absl::Seconds(1)), [&](absl::StatusOr<BulkRevoked> r) {
      result = std::move(r);
      done.Notify();
    });
    managed_.clock.Advance(absl::Seconds(2));
  }
  done.WaitForNotification();
  ASSERT_TRUE(result.ok());
  EXPECT_TRUE(result->cut_short);
  EXPECT_EQ(result->matched, kMany);
  EXPECT_EQ(result->revoked, 0);
  EXPECT_EQ(result->failed, kMany);
  ASSERT_THAT(result->failures, SizeIs(kMany));
  for (const BulkRevokeFailure& failure : result->failures) {
    EXPECT_EQ(DetailsOf(failure.status).reason, Reason::kDeadlineExceeded);
  }
  for (int n = 1; n <= kMany; ++n) ASSERT_FALSE(IsRevoked(n));
}

TEST_F(BulkRevokerTest, AStopEndsItAfterTheSliceThatIsUnderWay) {
  absl::StatusOr<BulkRevoked> result = absl::UnknownError("not answered");
  absl::Notification done;
  {
    const WriterGate gate(*managed_.store);
    bulk_.Run(Root(), AllOfDefault(), In(absl::Seconds(10)), [&](absl::StatusOr<BulkRevoked> r) {
      result = std::move(r);
      done.Notify();
    });
    bulk_.Stop();
  }
  done.WaitForNotification();
  ASSERT_TRUE(result.ok());
  EXPECT_TRUE(result->cut_short);
  EXPECT_GT(result->revoked, 0);
  EXPECT_GT(result->failed, 0);
  EXPECT_EQ(result->revoked + result->failed, kMany);
  EXPECT_EQ(DetailsOf(result->failures.front().status).reason, Reason::kShuttingDown);
}

TEST_F(BulkRevokerTest, ASearchThatMatchesNothingEndsAtTheDeadline) {
  BulkRevokeParams params = AllOfDefault();
  params.filter.name_contains = "no key is called so";
  const absl::Duration over = In(-absl::Nanoseconds(1));
  const absl::Status status = Run(params, over).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(DetailsOf(status).reason, Reason::kDeadlineExceeded);
  EXPECT_EQ(Run(params, In(absl::ZeroDuration()))->matched, 0) << "at the last moment";
}

TEST_F(BulkRevokerTest, ASearchEndsWhenTheServerStops) {
  bulk_.Stop();
  const Revision before = managed_.store->applied_revision();
  const absl::Status status = Run(AllOfDefault(), In(absl::Seconds(10))).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(DetailsOf(status).reason, Reason::kShuttingDown);
  EXPECT_EQ(managed_.store->applied_revision(), before);
}

TEST_F(BulkRevokerTest, AClosedStoreFailsEveryKeyAndEnds) {
  managed_.store->Close();
  const auto revoked = Run(AllOfDefault(), In(absl::Seconds(10)));
  ASSERT_TRUE(revoked.ok());
  EXPECT_EQ(revoked->failed, kMany);
  EXPECT_EQ(DetailsOf(revoked->failures.front().status).reason, Reason::kShuttingDown);
}

TEST_F(BulkRevokerTest, MoreKeysThanAllowedChangeNothing) {
  BulkRevokeParams params = AllOfDefault();
  params.max_keys = kMany - 1;
  const Revision before = managed_.store->applied_revision();
  EXPECT_EQ(DetailsOf(Run(params, In(absl::Seconds(10))).status()).reason, Reason::kTooManyKeys);
  EXPECT_EQ(managed_.store->applied_revision(), before);
  params.max_keys = kMany;
  EXPECT_EQ(Run(params, In(absl::Seconds(10)))->revoked, kMany);
}

TEST_F(BulkRevokerTest, KeysThatNoCheckFoundGoodAreUnused) {
  BulkRevokeParams params = AllOfDefault();
  params.validate_only = true;
  params.filter.use.unused_since = managed_.clock.Now() + absl::Seconds(1);
  EXPECT_EQ(Run(params, In(absl::Seconds(10)))->matched, kMany);
  params.filter.use = {.last_used_before = managed_.clock.Now() + absl::Seconds(1)};
  EXPECT_EQ(Run(params, In(absl::Seconds(10)))->matched, 0) << "not known to be used at all";
}

}  // namespace
}  // namespace claviger
