// A check engine over an authority that answers when the test says so.
#ifndef CLAVIGER_TESTS_UNIT_CLIENT_CHECK_ENGINE_FIXTURE_H_
#define CLAVIGER_TESTS_UNIT_CLIENT_CHECK_ENGINE_FIXTURE_H_

#include "client/src/check_engine.h"

#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_random.h"
#include "tests/unit/client/grant_testing.h"

namespace claviger::client {

using Lines = std::vector<std::string>;

constexpr absl::Duration kLease = absl::Seconds(3);
constexpr absl::Duration kStale = absl::Seconds(10);

// An authority that answers when the test says so.
class FakeAuthority final : public Authority {
 public:
  struct Asked {
    AskedKey key;
    absl::Duration deadline;
    AnswerCallback callback;
  };

  void Ask(const AskedKey& key, absl::Duration deadline, AnswerCallback callback) override {
    absl::MutexLock lock(&mutex_);
    asked_.push_back({key, deadline, std::move(callback)});
  }

  size_t waiting() const {
    absl::MutexLock lock(&mutex_);
    return asked_.size();
  }
  // Waits until somebody has asked.
  Asked Take() {
    absl::MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(
        +[](std::vector<Asked>* asked) { return !asked->empty(); }, &asked_));
    Asked first = std::move(asked_.front());
    asked_.erase(asked_.begin());
    return first;
  }

 private:
  mutable absl::Mutex mutex_;
  std::vector<Asked> asked_;
};

class Recorder final : public ClientObserver {
 public:
  void OnHit() override { Add("hit"); }
  void OnMiss() override { Add("miss"); }
  void OnFallback() override { Add("fallback"); }
  void OnStale() override { Add("stale"); }
  void OnDenial(DecisionCode code) override { Add(std::string(DecisionCodeName(code))); }
  Lines Take() {
    absl::MutexLock lock(&mutex_);
    return std::exchange(lines_, {});
  }

 private:
  void Add(std::string line) {
    absl::MutexLock lock(&mutex_);
    lines_.push_back(std::move(line));
  }

  absl::Mutex mutex_;
  Lines lines_;
};

class CheckEngineTest : public ::testing::Test {
 protected:
  CheckEngineTest() {
    FakeRandom random;
    const KeyId id = IdOf(1);
    key_ = GenerateKey("clv", Environment::kLive, id, random)->ExposeSecret();
    fence_.Apply({.flush = true, .items = {}, .epoch = EpochOf(1), .position = {10}});
    GiveLease();
  }

  void GiveLease() { view_.SetLease(clock_.SinceBoot() + kLease); }
  void LoseLease() { view_.SetLease(clock_.SinceBoot()); }

  AuthorityAnswer Good(uint64_t revision = 10) {
    return {.answer = {.status = absl::OkStatus(),
                       .reflects = {EpochOf(1), {revision}},
                       .code = VerifyCode::kValid,
                       .grant = GrantOf(1).grant},
            .asked_at = clock_.SinceBoot()};
  }
  AuthorityAnswer Bad(VerifyCode code) {
    AuthorityAnswer answer = Good();
    answer.answer.code = code;
    answer.answer.grant = nullptr;
    return answer;
  }
  static AuthorityAnswer Failed(absl::Status status) { return {.answer = {.status = status}}; }

  // Starts a check; where its decision will be.
  using Pending = std::shared_ptr<std::optional<Decision>>;
  Pending Start(const CheckRequirements& wanted = {}) { return Start(engine_, wanted); }
  Pending Start(CheckEngine& engine, const CheckRequirements& wanted = {}) {
    auto pending = std::make_shared<std::optional<Decision>>();
    engine.CheckAsync(key_, wanted, [pending](Decision decision) { *pending = decision; });
    return pending;
  }
  // A check that the authority answers.
  DecisionCode CheckAnswered(const AuthorityAnswer& answer) {
    const Pending pending = Start();
    EXPECT_EQ(authority_.waiting(), 1u);
    authority_.Take().callback(answer);
    return pending->value().code();
  }
  // A check that needs no answer; nullopt if it asked.
  std::optional<DecisionCode> CheckFromCache(const CheckRequirements& wanted = {}) {
    const Pending pending = Start(wanted);
    if (!pending->has_value()) return std::nullopt;
    EXPECT_TRUE((*pending)->from_cache());
    return (*pending)->code();
  }

  FakeClock clock_;
  VerifierView view_{kStale};
  GrantCache grants_{{}};
  NegativeCache negatives_;
  KeyHints foreign_{256};
  InsertFence fence_{view_, grants_, negatives_};
  FlightTable flights_;
  FakeAuthority authority_;
  Recorder recorder_;
  const CheckEngine::Surroundings surroundings_{.clock = clock_,
                                                .view = view_,
                                                .grants = grants_,
                                                .negatives = negatives_,
                                                .foreign = foreign_,
                                                .fence = fence_,
                                                .flights = flights_,
                                                .authority = authority_,
                                                .observer = &recorder_};
  CheckEngine engine_{{.check_timeout = absl::Seconds(1), .project_ids = {}}, surroundings_};
  std::string key_;
};

}  // namespace claviger::client

#endif  // CLAVIGER_TESTS_UNIT_CLIENT_CHECK_ENGINE_FIXTURE_H_
