#include "tests/history/checker.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace claviger::history {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr absl::Duration kCalled = absl::Seconds(100);
constexpr absl::Duration kReturned = absl::Seconds(101);
constexpr absl::Duration kTick = absl::Nanoseconds(1);

Revoke Answered(RevokeOutcome outcome, absl::Duration safe_in = absl::ZeroDuration()) {
  return {.outcome = outcome, .called = kCalled, .returned = kReturned, .safe_in = safe_in};
}

std::vector<Violation> Find(const Revoke& revoke, const std::vector<Seen>& seen) {
  return FindViolations(revoke, seen);
}

TEST(CheckerTest, AnAcceptThatStartedAfterAStrictReturnIsAViolation) {
  for (const RevokeOutcome outcome : {RevokeOutcome::kAllAcked, RevokeOutcome::kLeasesExpired}) {
    const auto found =
        Find(Answered(outcome), {{}, {.last_accepted_start = kReturned + absl::Milliseconds(5)}});
    ASSERT_THAT(found, SizeIs(1)) << RevokeOutcomeName(outcome);
    EXPECT_EQ(found[0].kind, ViolationKind::kAcceptedAfterPromise);
    EXPECT_EQ(found[0].process, 1u);
    EXPECT_EQ(found[0].by, absl::Milliseconds(5));
    EXPECT_EQ(Describe(found[0]), "process 1 began a check 5ms after the promise, and accepted");
  }
}

TEST(CheckerTest, OneNanosecondIsEnough) {
  const Revoke revoke = Answered(RevokeOutcome::kAllAcked);
  EXPECT_THAT(Find(revoke, {{.last_accepted_start = kReturned}}), IsEmpty());
  EXPECT_THAT(Find(revoke, {{.last_accepted_start = kReturned + kTick}}), SizeIs(1));
}

TEST(CheckerTest, AnAcceptWhileTheRevokeIsUnderWayIsNone) {
  EXPECT_THAT(Find(Answered(RevokeOutcome::kAllAcked),
                   {{.last_accepted_start = kCalled + absl::Milliseconds(999)}}),
              IsEmpty());
}

TEST(CheckerTest, ARevokeThatIsPendingPromisesForLater) {
  const Revoke revoke = Answered(RevokeOutcome::kPending, absl::Seconds(1));
  EXPECT_EQ(PromisedFrom(revoke), kReturned + absl::Seconds(1));
  EXPECT_THAT(Find(revoke, {{.last_accepted_start = kReturned + absl::Seconds(1)}}), IsEmpty());
  EXPECT_THAT(Find(revoke, {{.last_accepted_start = kReturned + absl::Seconds(1) + kTick}}),
              SizeIs(1));
}

TEST(CheckerTest, ARevokeThatWasNotAnsweredPromisesNothing) {
  Revoke revoke;
  revoke.called = kCalled;
  EXPECT_EQ(PromisedFrom(revoke), absl::InfiniteDuration());
  EXPECT_THAT(Find(revoke, {{.last_accepted_start = kReturned + absl::Hours(1)}}), IsEmpty());
}

TEST(CheckerTest, ADenialBeforeTheRevokeWasCalledIsAViolation) {
  const Revoke revoke = Answered(RevokeOutcome::kAllAcked);
  EXPECT_THAT(Find(revoke, {{.first_denied_end = kCalled}}), IsEmpty());
  const auto found = Find(revoke, {{.first_denied_end = kCalled - kTick}});
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].kind, ViolationKind::kDeniedBeforeRevoke);
}

TEST(CheckerTest, ADenialOfAKeyThatNobodyRevokedIsAViolation) {
  EXPECT_THAT(Find({}, {{.first_denied_end = absl::Seconds(1)}}), SizeIs(1));
}

TEST(CheckerTest, NothingSeenIsNoViolation) {
  EXPECT_THAT(Find(Answered(RevokeOutcome::kAllAcked), {{}, {}}), IsEmpty());
  EXPECT_THAT(Find({}, {{}}), IsEmpty());
}

TEST(CheckerTest, EveryProcessIsLookedAt) {
  const Seen late{.last_accepted_start = kReturned + kTick};
  EXPECT_THAT(Find(Answered(RevokeOutcome::kAllAcked), {late, {}, late, late}), SizeIs(3));
}

TEST(CheckerTest, PercentileIsTheValueThatSoManyDoNotExceed) {
  std::vector<absl::Duration> values;
  for (int i = 100; i > 0; --i) values.push_back(absl::Milliseconds(i));
  EXPECT_EQ(Percentile(values, 50), absl::Milliseconds(50));
  EXPECT_EQ(Percentile(values, 99), absl::Milliseconds(99));
  EXPECT_EQ(Percentile(values, 100), absl::Milliseconds(100));
  EXPECT_EQ(Percentile({absl::Seconds(1)}, 50), absl::Seconds(1));
  EXPECT_EQ(Percentile({}, 50), absl::ZeroDuration());
}

}  // namespace
}  // namespace claviger::history
