#include "client/cli/retry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "tests/support/fake_clock.h"
#include "tests/support/fake_random.h"
#include "tests/unit/cli/rich_status.h"

namespace claviger::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// A call that answers from a list, and the waits between its attempts.
class RetryTest : public ::testing::Test {
 protected:
  grpc::Status Run(Retry retry, std::vector<grpc::Status> answers,
                   absl::Duration timeout = absl::Seconds(30)) {
    answers_ = std::move(answers);
    return CallWithRetry(
        retry, clock_.SinceBoot() + timeout, clock_, random_,
        [this](absl::Duration wait) {
          waits_.push_back(wait);
          clock_.Advance(wait);
        },
        [this] { return answers_.at(attempts_++); });
  }

  const grpc::Status unavailable_{grpc::StatusCode::UNAVAILABLE, "refused"};
  FakeClock clock_;
  // Jitter of exactly half.
  ConstantRandom random_{0};
  std::vector<grpc::Status> answers_;
  size_t attempts_ = 0;
  std::vector<absl::Duration> waits_;
};

TEST_F(RetryTest, SuccessIsNotRepeated) {
  EXPECT_TRUE(Run(Retry::kIfUnavailable, {grpc::Status::OK}).ok());
  EXPECT_EQ(attempts_, 1U);
}

TEST_F(RetryTest, UnavailableIsRetriedThreeTimesWithGrowingWaits) {
  const grpc::Status status =
      Run(Retry::kIfUnavailable, {unavailable_, unavailable_, unavailable_, unavailable_});
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(attempts_, 4U);
  EXPECT_THAT(waits_, ElementsAre(absl::Milliseconds(50), absl::Milliseconds(150),
                                  absl::Milliseconds(450)));
}

TEST_F(RetryTest, EndsWithTheFirstAnswer) {
  EXPECT_TRUE(Run(Retry::kIfUnavailable, {unavailable_, grpc::Status::OK}).ok());
  EXPECT_EQ(attempts_, 2U);
}

TEST_F(RetryTest, OtherErrorsAreAnswers) {
  for (const grpc::StatusCode code : {grpc::StatusCode::NOT_FOUND, grpc::StatusCode::INTERNAL,
                                      grpc::StatusCode::DEADLINE_EXCEEDED}) {
    attempts_ = 0;
    EXPECT_EQ(Run(Retry::kIfUnavailable, {grpc::Status(code, "")}).error_code(), code);
    EXPECT_EQ(attempts_, 1U);
  }
}

TEST_F(RetryTest, ChangesAreNotRepeated) {
  EXPECT_FALSE(Run(Retry::kNever, {unavailable_}).ok());
  EXPECT_EQ(attempts_, 1U);
  EXPECT_THAT(waits_, IsEmpty());
}

TEST_F(RetryTest, WaitsAsLongAsTheServerAsks) {
  Run(Retry::kIfUnavailable,
      {RichStatus(grpc::StatusCode::UNAVAILABLE, "busy", "OVERLOADED", {}, 2), grpc::Status::OK});
  EXPECT_THAT(waits_, ElementsAre(absl::Seconds(2)));
}

TEST_F(RetryTest, DoesNotWaitBeyondTheDeadline) {
  Run(Retry::kIfUnavailable, {unavailable_, unavailable_}, absl::Milliseconds(100));
  EXPECT_EQ(attempts_, 2U);
}

}  // namespace
}  // namespace claviger::cli
