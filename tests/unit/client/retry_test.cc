#include "client/src/retry.h"

#include <optional>

#include "gtest/gtest.h"
#include "tests/support/fake_random.h"

namespace claviger::client {
namespace {

using grpc::StatusCode;

constexpr absl::Duration kNow = absl::Seconds(100);
const absl::Duration kDeadline = kNow + absl::Seconds(1);

TEST(RetryScheduleTest, WaitsLongerEachTimeAndEnds) {
  ConstantRandom highest(255);
  RetrySchedule schedule(kDeadline, highest);
  EXPECT_EQ(schedule.Next(StatusCode::UNAVAILABLE, kNow), absl::Milliseconds(40));
  EXPECT_EQ(schedule.Next(StatusCode::UNAVAILABLE, kNow), absl::Milliseconds(80));
  EXPECT_EQ(schedule.Next(StatusCode::UNAVAILABLE, kNow), absl::Milliseconds(160));
  EXPECT_EQ(schedule.Next(StatusCode::UNAVAILABLE, kNow), std::nullopt);
}

TEST(RetryScheduleTest, WaitsAtLeastHalfAsLong) {
  ConstantRandom lowest(0);
  RetrySchedule schedule(kDeadline, lowest);
  EXPECT_EQ(schedule.Next(StatusCode::UNAVAILABLE, kNow), absl::Milliseconds(20));
}

TEST(RetryScheduleTest, WaitsLongestWithoutEntropy) {
  FakeRandom random;
  random.FailWith(absl::UnavailableError("none"));
  RetrySchedule schedule(kDeadline, random);
  EXPECT_EQ(schedule.Next(StatusCode::UNAVAILABLE, kNow), absl::Milliseconds(40));
}

TEST(RetryScheduleTest, DoesNotBeginAnAttemptPastTheDeadline) {
  ConstantRandom highest(255);
  RetrySchedule schedule(kDeadline, highest);
  EXPECT_EQ(schedule.Next(StatusCode::UNAVAILABLE, kDeadline - absl::Milliseconds(40)),
            std::nullopt);
}

TEST(RetryScheduleTest, RepeatsOnlyWhatTimeMayMend) {
  ConstantRandom random(0);
  const struct {
    StatusCode code;
    bool again;
  } kCases[] = {
      {StatusCode::UNAVAILABLE, true},         {StatusCode::DEADLINE_EXCEEDED, true},
      {StatusCode::UNAUTHENTICATED, false},    {StatusCode::PERMISSION_DENIED, false},
      {StatusCode::INVALID_ARGUMENT, false},   {StatusCode::INTERNAL, false},
      {StatusCode::RESOURCE_EXHAUSTED, false}, {StatusCode::CANCELLED, false},
  };
  for (const auto& [code, again] : kCases) {
    RetrySchedule schedule(kDeadline, random);
    EXPECT_EQ(schedule.Next(code, kNow).has_value(), again) << code;
  }
}

TEST(RetryScheduleTest, LeavesTimeForAnotherEndpoint) {
  ConstantRandom random(0);
  RetrySchedule schedule(kDeadline, random);
  EXPECT_EQ(schedule.AttemptDeadline(kNow, /*several=*/false), kDeadline);
  EXPECT_EQ(schedule.AttemptDeadline(kNow, /*several=*/true), kNow + absl::Milliseconds(500));
  for (int failures = 1; failures < RetrySchedule::kMaxAttempts; ++failures) {
    schedule.Next(StatusCode::UNAVAILABLE, kNow);
  }
  EXPECT_EQ(schedule.AttemptDeadline(kNow, /*several=*/true), kDeadline) << "the last attempt";
}

}  // namespace
}  // namespace claviger::client
