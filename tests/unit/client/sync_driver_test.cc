#include "client/src/sync_driver.h"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "client/src/grant_cache.h"
#include "client/src/negative_cache.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_random.h"
#include "tests/unit/client/grant_testing.h"

namespace claviger::client {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Lines = std::vector<std::string>;

// Runs tasks when the test moves the clock.
class FakeScheduler final : public Scheduler {
 public:
  explicit FakeScheduler(FakeClock& clock) : clock_(clock) {}

  TaskId CallAt(absl::Duration at, Task task) override {
    tasks_.emplace(std::pair(at, ++last_), std::move(task));
    return last_;
  }
  void Cancel(TaskId id) override {
    std::erase_if(tasks_, [id](const auto& task) { return task.first.second == id; });
  }
  // Lets `duration` pass, and runs what falls into it at its time.
  void Advance(absl::Duration duration) {
    const absl::Duration end = clock_.SinceBoot() + duration;
    while (!tasks_.empty() && tasks_.begin()->first.first <= end) {
      auto first = tasks_.extract(tasks_.begin());
      const absl::Duration wait = first.key().first - clock_.SinceBoot();
      if (wait > absl::ZeroDuration()) clock_.Advance(wait);
      first.mapped()();
    }
    clock_.Advance(end - clock_.SinceBoot());
  }
  size_t size() const { return tasks_.size(); }

 private:
  FakeClock& clock_;
  TaskId last_ = 0;
  std::map<std::pair<absl::Duration, TaskId>, Task> tasks_;
};

// The authority's end of the stream that was opened last.
class FakeOpener final : public SyncStreamOpener {
 public:
  std::unique_ptr<SyncStream> Open(ConnectionId connection, SyncStreamHandler& handler) override {
    connection_ = connection;
    handler_ = &handler;
    ++opened_;
    return std::make_unique<Stream>(*this);
  }

  ConnectionId connection() const { return connection_; }
  int opened() const { return opened_; }
  int open() const { return open_; }
  bool sending_ended() const { return sending_ended_; }
  SyncStreamHandler& handler() { return *handler_; }
  std::vector<sync::FromVerifier> TakeSent() { return std::exchange(sent_, {}); }

 private:
  class Stream final : public SyncStream {
   public:
    explicit Stream(FakeOpener& opener) : opener_(opener) { ++opener_.open_; }
    ~Stream() override { --opener_.open_; }
    void Send(const sync::FromVerifier& message) override { opener_.sent_.push_back(message); }
    void EndSending() override { opener_.sending_ended_ = true; }

   private:
    FakeOpener& opener_;
  };

  ConnectionId connection_ = 0;
  SyncStreamHandler* handler_ = nullptr;
  int opened_ = 0;
  int open_ = 0;
  bool sending_ended_ = false;
  std::vector<sync::FromVerifier> sent_;
};

class Recorder final : public ClientObserver {
 public:
  void OnLeaseGained() override { lines_.push_back("gained"); }
  void OnLeaseLost() override { lines_.push_back("lost"); }
  void OnInvalidation(size_t items) override {
    lines_.push_back("invalidated " + std::to_string(items));
  }
  void OnReset() override { lines_.push_back("reset"); }
  void OnReconnect() override { lines_.push_back("reconnect"); }
  Lines Take() { return std::exchange(lines_, {}); }

 private:
  Lines lines_;
};

class SyncDriverTest : public ::testing::Test {
 protected:
  void Connect() {
    driver_.Start();
    scheduler_.Advance(absl::ZeroDuration());
    opener_.handler().OnConnected(opener_.connection());
  }
  void Receive(sync::FromAuthority message) {
    opener_.handler().OnMessage(opener_.connection(), message);
  }
  void Welcome() {
    Receive(sync::Welcome{.epoch = EpochOf(1),
                          .head_revision = {10},
                          .resumed = false,
                          .lease = absl::Seconds(3),
                          .beat_interval = absl::Seconds(1)});
  }
  // Grants a lease for the last beat that was sent.
  void GrantLease() {
    for (const sync::FromVerifier& message : opener_.TakeSent()) {
      if (const auto* beat = std::get_if<sync::Beat>(&message)) last_beat_ = *beat;
    }
    Receive(sync::Grant{.beat_id = last_beat_.beat_id,
                        .up_to_revision = last_beat_.acked_revision,
                        .lease = absl::Seconds(3)});
  }
  bool LeaseLive() { return view_.LeaseLive(clock_.SinceBoot()); }

  FakeClock clock_;
  FakeRandom random_;
  FakeScheduler scheduler_{clock_};
  FakeOpener opener_;
  Recorder recorder_;
  VerifierView view_;
  GrantCache grants_{{}};
  NegativeCache negatives_;
  InsertFence fence_{view_, grants_, negatives_};
  UsageCollector usage_{grants_};
  SyncDriver driver_{{.session_id = {1}, .project_ids = {}, .stale_on_error = {}, .client = "t"},
                     {.opener = opener_,
                      .scheduler = scheduler_,
                      .clock = clock_,
                      .random = random_,
                      .view = view_,
                      .fence = fence_,
                      .observer = &recorder_,
                      .usage = &usage_}};
  sync::Beat last_beat_;
};

TEST_F(SyncDriverTest, SaysHelloWhenConnected) {
  Connect();
  const std::vector<sync::FromVerifier> sent = opener_.TakeSent();
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_TRUE(std::holds_alternative<sync::Hello>(sent[0]));
  EXPECT_FALSE(driver_.connected()) << "nobody answered yet";
}

TEST_F(SyncDriverTest, AGrantMakesTheLeaseLive) {
  Connect();
  Welcome();
  EXPECT_TRUE(driver_.connected());
  EXPECT_FALSE(LeaseLive());
  EXPECT_FALSE(driver_.WaitForLease(absl::ZeroDuration()));
  GrantLease();
  EXPECT_TRUE(LeaseLive());
  EXPECT_TRUE(driver_.WaitForLease(absl::ZeroDuration()));
  EXPECT_THAT(recorder_.Take(), ElementsAre("reset", "gained"));
}

TEST_F(SyncDriverTest, BeatsKeepTheLease) {
  Connect();
  Welcome();
  for (int i = 0; i < 10; ++i) {
    GrantLease();
    scheduler_.Advance(absl::Seconds(1));
    EXPECT_TRUE(LeaseLive()) << i;
  }
  EXPECT_THAT(recorder_.Take(), ElementsAre("reset", "gained"));
}

TEST_F(SyncDriverTest, WithoutGrantsTheLeaseIsLostAndSaidSo) {
  Connect();
  Welcome();
  GrantLease();
  recorder_.Take();
  scheduler_.Advance(absl::Seconds(2.9));
  EXPECT_TRUE(LeaseLive());
  EXPECT_THAT(recorder_.Take(), IsEmpty());
  scheduler_.Advance(absl::Seconds(0.1));
  EXPECT_FALSE(LeaseLive());
  EXPECT_FALSE(driver_.WaitForLease(absl::ZeroDuration()));
  EXPECT_THAT(recorder_.Take(), ::testing::Contains("lost"));
}

TEST_F(SyncDriverTest, EvictsBeforeItAcknowledges) {
  Connect();
  Welcome();
  GrantLease();
  ASSERT_TRUE(fence_.Insert(GrantOf(1, 10), EpochOf(1)));
  opener_.TakeSent();
  Receive(sync::Invalidation{
      .previous_revision = {10}, .to_revision = {11}, .items = {sync::KeyItem{IdOf(1)}}});
  EXPECT_FALSE(Has(grants_, 1));
  const std::vector<sync::FromVerifier> sent = opener_.TakeSent();
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(std::get<sync::Beat>(sent[0]).acked_revision.value, 11u);
}

TEST_F(SyncDriverTest, ConnectsAgainWhenTheStreamBreaks) {
  Connect();
  Welcome();
  opener_.handler().OnDisconnected(opener_.connection(), absl::UnavailableError("cut"));
  EXPECT_EQ(opener_.open(), 0);
  EXPECT_FALSE(driver_.connected());
  EXPECT_EQ(driver_.last_error().message(), "cut");
  EXPECT_EQ(opener_.opened(), 1);
  scheduler_.Advance(SyncClient::kMaxBackoff);
  EXPECT_EQ(opener_.opened(), 2);
  EXPECT_THAT(recorder_.Take(), ::testing::Contains("reconnect"));
}

TEST_F(SyncDriverTest, DoesNotWaitForeverForAConnection) {
  driver_.Start();
  scheduler_.Advance(absl::ZeroDuration());
  ASSERT_EQ(opener_.opened(), 1);
  scheduler_.Advance(SyncDriver::kConnectTimeout + SyncClient::kMaxBackoff);
  EXPECT_EQ(opener_.opened(), 2);
  EXPECT_EQ(opener_.open(), 1);
}

TEST_F(SyncDriverTest, WhatAnOldStreamSaysIsNotHeard) {
  Connect();
  Welcome();
  const ConnectionId old = opener_.connection();
  opener_.handler().OnDisconnected(old, absl::UnavailableError("cut"));
  scheduler_.Advance(SyncClient::kMaxBackoff);
  opener_.handler().OnConnected(opener_.connection());
  opener_.TakeSent();
  opener_.handler().OnDisconnected(old, absl::UnavailableError("late"));
  EXPECT_EQ(opener_.open(), 1);
  EXPECT_THAT(opener_.TakeSent(), IsEmpty());
}

// Checks that the cache answered ride on beats.
class UsageDriverTest : public SyncDriverTest {
 protected:
  // In step, with a cached key that was used `uses` times.
  void FollowAndUse(int uses) {
    Connect();
    Welcome();
    GrantLease();
    ASSERT_TRUE(fence_.Insert(GrantOf(1, 10), EpochOf(1)));
    Use(uses);
    opener_.TakeSent();
  }
  void Use(int uses) {
    const GrantCache::Reader reader(grants_);
    for (int i = 0; i < uses; ++i) {
      CountUse(*reader.Find(IdOf(1))->grant(), VerifyCode::kValid, {}, clock_.SinceBoot());
    }
  }
  // Valid checks in each beat that was sent since.
  std::vector<uint64_t> TakeReported() {
    std::vector<uint64_t> counts;
    for (const sync::FromVerifier& message : opener_.TakeSent()) {
      const auto* beat = std::get_if<sync::Beat>(&message);
      if (beat == nullptr) continue;
      counts.push_back(0);
      for (const sync::KeyUse& use : beat->usage) counts.back() += use.valid;
    }
    return counts;
  }
};

TEST_F(UsageDriverTest, ReportsRideOnBeatsByTimeOnce) {
  FollowAndUse(3);
  scheduler_.Advance(absl::Seconds(1));
  EXPECT_THAT(TakeReported(), ElementsAre(3));
  scheduler_.Advance(absl::Seconds(1));
  EXPECT_THAT(TakeReported(), ElementsAre(0));
}

TEST_F(UsageDriverTest, AnAcknowledgementIsNotHeldUpByReports) {
  FollowAndUse(3);
  Receive(sync::Invalidation{
      .previous_revision = {10}, .to_revision = {11}, .items = {sync::KeyItem{IdOf(2)}}});
  EXPECT_THAT(TakeReported(), ElementsAre(0));
  scheduler_.Advance(absl::Seconds(1));
  EXPECT_THAT(TakeReported(), ElementsAre(3));
}

TEST_F(UsageDriverTest, WhatIsCountedWithoutAStreamWaitsForTheNext) {
  FollowAndUse(1);
  opener_.handler().OnDisconnected(opener_.connection(), absl::UnavailableError("cut"));
  Use(4);
  scheduler_.Advance(SyncClient::kMaxBackoff);
  opener_.handler().OnConnected(opener_.connection());
  Welcome();
  scheduler_.Advance(absl::Seconds(1));
  EXPECT_THAT(TakeReported(), ElementsAre(0, 5));
}

TEST_F(UsageDriverTest, WhatABrokenStreamMayHaveSaidIsNotSaidAgain) {
  FollowAndUse(3);
  scheduler_.Advance(absl::Seconds(1));
  opener_.handler().OnDisconnected(opener_.connection(), absl::UnavailableError("cut"));
  EXPECT_THAT(TakeReported(), ElementsAre(3));
  scheduler_.Advance(SyncClient::kMaxBackoff);
  opener_.handler().OnConnected(opener_.connection());
  Welcome();
  scheduler_.Advance(absl::Seconds(1));
  EXPECT_THAT(TakeReported(), ElementsAre(0, 0));
}

TEST_F(UsageDriverTest, LeavingReportsTheRestAndWaitsForTheOtherEnd) {
  FollowAndUse(3);
  bool left = false;
  driver_.Leave([&left] { left = true; });
  EXPECT_THAT(TakeReported(), ElementsAre(3));
  EXPECT_TRUE(opener_.sending_ended());
  EXPECT_FALSE(left);
  opener_.handler().OnDisconnected(opener_.connection(), absl::OkStatus());
  EXPECT_TRUE(left);
  EXPECT_EQ(opener_.opened(), 1);
}

TEST_F(UsageDriverTest, LeavingWithNothingToSayOrToNobodyIsOverAtOnce) {
  FollowAndUse(0);
  int left = 0;
  driver_.Leave([&left] { ++left; });
  EXPECT_EQ(left, 1);
  EXPECT_THAT(TakeReported(), IsEmpty());
  EXPECT_FALSE(opener_.sending_ended());
  Use(1);
  opener_.handler().OnDisconnected(opener_.connection(), absl::UnavailableError("cut"));
  driver_.Leave([&left] { ++left; });
  EXPECT_EQ(left, 2);
}

TEST_F(SyncDriverTest, StopGivesTheLeaseBackAndEndsAll) {
  Connect();
  Welcome();
  GrantLease();
  driver_.Stop();
  EXPECT_FALSE(LeaseLive());
  EXPECT_EQ(opener_.open(), 0);
  EXPECT_EQ(scheduler_.size(), 0u);
  EXPECT_FALSE(driver_.connected());
  scheduler_.Advance(absl::Minutes(1));
  EXPECT_EQ(opener_.opened(), 1);
}

}  // namespace
}  // namespace claviger::client
