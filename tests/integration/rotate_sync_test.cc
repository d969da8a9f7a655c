// What rotations and updates mean for verifiers that cache: who is told, and who is waited for.

#include <algorithm>
#include <chrono>
#include <future>
#include <memory>
#include <set>

#include "tests/integration/server_test.h"
#include "tests/support/test_verifier.h"

namespace claviger {
namespace {

using ::testing::UnorderedElementsAre;

constexpr absl::Duration kDay = absl::Hours(24);

class RotateSyncTest : public ServerTest {
 protected:
  void SetUp() override {
    issued_ = Issue();
    verifier_ = std::make_unique<TestVerifier>(
        server_.NewChannel(grpc::InsecureChannelCredentials()), server_.root_key());
    const auto welcome = verifier_->SayHello();
    ASSERT_TRUE(welcome.has_value());
    ASSERT_TRUE(verifier_->GetLease(welcome->head_revision()));
  }

  // The keys of the invalidation that comes next, and the revision to acknowledge.
  struct Told {
    std::set<std::string> keys;
    uint64_t to_revision = 0;
  };
  Told ReadInvalidation() {
    const auto response = verifier_->Read();
    EXPECT_TRUE(response.has_value() && response->has_invalidation());
    Told told;
    if (!response.has_value()) return told;
    for (const auto& item : response->invalidation().items()) told.keys.insert(item.key_id());
    told.to_revision = response->invalidation().to_revision();
    return told;
  }

  template <typename Request>
  std::future<Answer<Request>> InBackground(const Request& request) {
    return std::async(std::launch::async, [request, caller = root()] {
      const auto answer = caller.Call(request);
      EXPECT_THAT(answer, IsOk());
      return *answer;
    });
  }
  template <typename T>
  static bool IsReady(const std::future<T>& future) {
    return future.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
  }

  // `call` waits until the verifier has acknowledged, and then says so.
  template <typename Request>
  void ExpectWaits(const Request& request, const std::set<std::string>& told_of = {}) {
    auto answer = InBackground(request);
    const Told told = ReadInvalidation();
    if (!told_of.empty()) {
      EXPECT_TRUE(
          std::includes(told.keys.begin(), told.keys.end(), told_of.begin(), told_of.end()));
    }
    EXPECT_FALSE(IsReady(answer));
    ASSERT_TRUE(verifier_->Beat(told.to_revision));
    const v1::Propagation propagation = answer.get().propagation();
    EXPECT_EQ(propagation.outcome(), v1::PROPAGATION_OUTCOME_ALL_ACKED);
    EXPECT_EQ(propagation.acked_sessions(), 1);
  }

  v1::RotateKeyRequest Rotation(absl::Duration grace) {
    v1::RotateKeyRequest request;
    request.set_key_id(issued_.info().key_id());
    SetDuration(grace, request.mutable_grace_period());
    return request;
  }
  v1::UpdateKeyRequest ChangeOf(const std::string& path) {
    v1::UpdateKeyRequest request;
    request.mutable_key()->set_key_id(issued_.info().key_id());
    request.mutable_update_mask()->add_paths(path);
    return request;
  }

  IssuedKey issued_;
  std::unique_ptr<TestVerifier> verifier_;
};

TEST_F(RotateSyncTest, ARotationWithoutAGraceWaitsForTheVerifier) {
  ExpectWaits(Rotation(absl::ZeroDuration()), {issued_.info().key_id()});
}

TEST_F(RotateSyncTest, ARotationWithAGraceWaitsUntilTheNewEndIsKnown) {
  ExpectWaits(Rotation(kDay), {issued_.info().key_id()});
}

TEST_F(RotateSyncTest, ARetryWaitsForWhatTheFirstAttemptDidNot) {
  v1::RotateKeyRequest request = Rotation(absl::ZeroDuration());
  request.set_request_id("123e4567-e89b-42d3-a456-426614174000");
  auto first = InBackground(request);
  const Told told = ReadInvalidation();
  auto second = InBackground(request);
  EXPECT_FALSE(IsReady(first));
  ASSERT_TRUE(verifier_->Beat(told.to_revision));
  const v1::RotateKeyResponse first_answer = first.get();
  const v1::RotateKeyResponse second_answer = second.get();
  EXPECT_EQ(second_answer.key(), first_answer.key());
  EXPECT_EQ(second_answer.propagation().outcome(), v1::PROPAGATION_OUTCOME_ALL_ACKED);
}

TEST_F(RotateSyncTest, ARotationThatAwaitsTheFirstUseTellsOfBothKeysAndWaitsForNobody) {
  v1::RotateKeyRequest request = Rotation(kDay);
  request.set_grace_starts(v1::GRACE_START_FIRST_USE);
  const auto answer = root().Call(request);
  ASSERT_THAT(answer, IsOk());
  EXPECT_FALSE(answer->has_propagation());
  EXPECT_THAT(ReadInvalidation().keys,
              UnorderedElementsAre(issued_.info().key_id(), answer->info().key_id()));
}

TEST_F(RotateSyncTest, WithPropagationCommitTheAnswerComesAtOnce) {
  v1::RotateKeyRequest request = Rotation(absl::ZeroDuration());
  request.set_propagation(v1::PROPAGATION_MODE_COMMIT);
  const auto answer = root().Call(request);
  ASSERT_THAT(answer, IsOk());
  EXPECT_NE(answer->propagation().outcome(), v1::PROPAGATION_OUTCOME_ALL_ACKED);
  EXPECT_TRUE(answer->propagation().has_safe_in());
}

TEST_F(RotateSyncTest, AnAnswerThatIsPendingHasTheKeyAllTheSame) {
  v1::RotateKeyRequest request = Rotation(absl::ZeroDuration());
  auto waiting = std::async(std::launch::async, [request, caller = root()] {
    return *caller.WithDeadline(absl::Milliseconds(2500)).Call(request);
  });
  ReadInvalidation();
  server_.clock().Advance(absl::Milliseconds(2600));
  const v1::RotateKeyResponse answer = waiting.get();
  EXPECT_EQ(answer.propagation().outcome(), v1::PROPAGATION_OUTCOME_PENDING);
  EXPECT_EQ(CodeOf(answer.key()), v1::VERIFY_CODE_VALID);
}

TEST_F(RotateSyncTest, AnUpdateThatNarrowsWaitsForTheVerifier) {
  v1::UpdateKeyRequest addresses = ChangeOf("allowed_cidrs");
  addresses.mutable_key()->add_allowed_cidrs("10.0.0.0/8");
  ExpectWaits(addresses, {issued_.info().key_id()});
  v1::UpdateKeyRequest expiry = ChangeOf("expire_time");
  SetTime(server_.clock().Now() + kDay, expiry.mutable_key()->mutable_expire_time());
  ExpectWaits(expiry, {issued_.info().key_id()});
}

TEST_F(RotateSyncTest, AnUpdateThatWidensIsToldAndNotWaitedFor) {
  v1::UpdateKeyRequest owner = ChangeOf("owner");
  owner.mutable_key()->set_owner("alice");
  ASSERT_THAT(root().Call(owner), IsOk());
  EXPECT_THAT(ReadInvalidation().keys, UnorderedElementsAre(issued_.info().key_id()))
      << "the owner comes with the grant";
}

TEST_F(RotateSyncTest, ANameIsNoVerifiersBusiness) {
  v1::UpdateKeyRequest name = ChangeOf("display_name");
  name.mutable_key()->set_display_name("another name");
  ASSERT_THAT(root().Call(name), IsOk());
  const std::string other = Issue().info().key_id();
  EXPECT_THAT(ReadInvalidation().keys, UnorderedElementsAre(other)) << "the first that it hears of";
}

}  // namespace
}  // namespace claviger
