// When a restricting change may be called done.

#include "tests/unit/server/sync/hub_fixture.h"

namespace claviger::sync {
namespace {

using BarrierTest = HubTest;

TEST_F(BarrierTest, WithoutSessionsEndsAtOnce) {
  Change();
  Await(head_);
  const auto report = Ended();
  ASSERT_TRUE(report.has_value());
  EXPECT_EQ(report->outcome, BarrierOutcome::kAllAcked);
  EXPECT_EQ(report->acked_sessions, 0);
  EXPECT_EQ(report->revision, head_);
}

TEST_F(BarrierTest, EndsWithTheLastAcknowledgement) {
  ConnectWithLease(kFirst, 1);
  ConnectWithLease(kSecond, 2);
  Change();
  Await(head_);
  now_ += absl::Milliseconds(3);
  Beat(kFirst, head_);
  EXPECT_EQ(Ended(), std::nullopt);
  Beat(kSecond, head_);
  const auto report = Ended();
  ASSERT_TRUE(report.has_value());
  EXPECT_EQ(report->outcome, BarrierOutcome::kAllAcked);
  EXPECT_EQ(report->acked_sessions, 2);
  EXPECT_EQ(report->waited, absl::Milliseconds(3));
}

TEST_F(BarrierTest, WaitsOutTheLeaseOfASessionThatIsGone) {
  ConnectWithLease(kFirst, 1);
  hub_->OnClosed(kFirst);
  Change();
  Await(head_);
  Advance(AuthorityLease(kDefaultLease) - absl::Milliseconds(1));
  EXPECT_EQ(Ended(), std::nullopt);
  Advance(absl::Milliseconds(1));
  const auto report = Ended();
  ASSERT_TRUE(report.has_value());
  EXPECT_EQ(report->outcome, BarrierOutcome::kLeasesExpired);
  EXPECT_EQ(report->expired_sessions, 1);
}

TEST_F(BarrierTest, WaitsLongerForAVerifierThatToleratesStaleness) {
  Hello hello = HelloFrom(1);
  hello.stale_on_error = absl::Seconds(10);
  Connect(kFirst, hello);
  Beat(kFirst, head_);
  hub_->TakeActions();
  Change();
  Await(head_);
  Advance(AuthorityLease(kDefaultLease + absl::Seconds(10)) - absl::Milliseconds(1));
  EXPECT_EQ(Ended(), std::nullopt);
  Advance(absl::Milliseconds(1));
  EXPECT_TRUE(Ended().has_value());
}

TEST_F(BarrierTest, DeadlineFirstIsPendingWithTheTimeUntilSafe) {
  ConnectWithLease(kFirst, 1);
  hub_->OnClosed(kFirst);
  Change();
  Await(head_, "default", absl::Seconds(1));
  Advance(absl::Seconds(1));
  const auto report = Ended();
  ASSERT_TRUE(report.has_value());
  EXPECT_EQ(report->outcome, BarrierOutcome::kPending);
  EXPECT_EQ(report->pending_sessions, 1);
  EXPECT_EQ(report->safe_in, AuthorityLease(kDefaultLease) - absl::Seconds(1));
}

TEST_F(BarrierTest, SessionsOfOtherProjectsAreNotWaitedFor) {
  ConnectWithLease(kFirst, 1, ProjectFilter::Only({"other"}));
  Change("default");
  Await(head_, "default");
  EXPECT_TRUE(Ended().has_value());
}

// Its cache still holds what the older, wider filter let through.
TEST_F(BarrierTest, ASessionWhoseProjectsNarrowedIsWaitedForUntilItHasForgotten) {
  ConnectWithLease(kFirst, 1, ProjectFilter::Only({"a", "b"}));
  Connect(kSecond, HelloFrom(1, head_), ProjectFilter::Only({"b"}));
  Change("a");
  Await(head_, "a");
  EXPECT_EQ(Ended(), std::nullopt);
  Beat(kSecond, Revision{head_.value - 1});
  EXPECT_TRUE(Ended().has_value());
}

TEST_F(BarrierTest, AReconnectAtTheRevisionCountsAsAcknowledgement) {
  ConnectWithLease(kFirst, 1);
  Change();
  Await(head_);
  hub_->OnClosed(kFirst);
  ASSERT_EQ(Ended(), std::nullopt);
  Connect(kSecond, HelloFrom(1, head_));
  const auto report = Ended();
  ASSERT_TRUE(report.has_value());
  EXPECT_EQ(report->outcome, BarrierOutcome::kAllAcked);
}

TEST_F(BarrierTest, AnObserverThatHeldALeaseBeforeIsWaitedFor) {
  ConnectWithLease(kFirst, 1);
  hub_->OnClosed(kFirst);
  Hello hello = HelloFrom(1, head_);
  hello.observer = true;
  Connect(kSecond, hello);
  hub_->TakeActions();
  Change();
  Await(head_);
  EXPECT_EQ(Ended(), std::nullopt);
}

// I11.
TEST_F(BarrierTest, AfterARestartTheLeasesOfBeforeAreWaitedOut) {
  Restart({.unknown_leases = kDefaultLease});
  Change();
  Await(head_);
  Advance(AuthorityLease(kDefaultLease) - absl::Milliseconds(1));
  EXPECT_EQ(Ended(), std::nullopt);
  Advance(absl::Milliseconds(1));
  const auto report = Ended();
  ASSERT_TRUE(report.has_value());
  EXPECT_EQ(report->outcome, BarrierOutcome::kLeasesExpired);
  Await(head_);
  EXPECT_EQ(Ended()->outcome, BarrierOutcome::kAllAcked);
}

TEST_F(BarrierTest, LeasesOfBeforeTheStartOutliveTheNextStop) {
  Restart({.unknown_leases = absl::Seconds(60)});
  const absl::Duration end = now_ + AuthorityLease(absl::Seconds(60));
  EXPECT_EQ(hub_->LastLeaseEnd(), end);
  Advance(absl::Seconds(1));
  ConnectWithLease(kFirst, 1);
  EXPECT_EQ(hub_->LastLeaseEnd(), end);
}

TEST_F(BarrierTest, AllEndAsPendingWhenTheServerStops) {
  ConnectWithLease(kFirst, 1);
  Change();
  Await(head_);
  hub_->EndAllBarriers(now_);
  EXPECT_EQ(Ended()->outcome, BarrierOutcome::kPending);
  EXPECT_EQ(hub_->barriers(), 0u);
}

TEST_F(BarrierTest, TheNextTimerIsTheNextLeaseEndOrDeadline) {
  ConnectWithLease(kFirst, 1);
  hub_->OnClosed(kFirst);
  Change();
  Await(head_, "default", absl::Seconds(1));
  EXPECT_EQ(hub_->NextTimer(), now_ + absl::Seconds(1));
  Await(head_, "default", absl::Minutes(1));
  Advance(absl::Seconds(1));
  EXPECT_EQ(hub_->NextTimer(), now_ + AuthorityLease(kDefaultLease) - absl::Seconds(1));
}

}  // namespace
}  // namespace claviger::sync
