// What holds of the state machine whatever the authority sends, and in whatever order.
#include <cstdint>
#include <random>
#include <set>
#include <variant>

#include "client/src/sync_client.h"
#include "gtest/gtest.h"
#include "tests/support/fake_random.h"
#include "tests/unit/client/grant_testing.h"

namespace claviger::client {
namespace {

// Carries out the actions and checks each.
class Checker {
 public:
  void Check(const SyncActions& actions, absl::Duration now) {
    for (const SyncAction& action : actions) {
      std::visit([&](const auto& typed) { On(typed, now); }, action);
    }
  }

  ConnectionId connection() const { return connection_; }
  uint64_t last_beat() const { return last_beat_; }
  absl::Duration lease() const { return lease_; }
  Revision position() const { return position_; }

 private:
  void On(const CacheStep& step, absl::Duration) {
    if (step.epoch != epoch_) {
      EXPECT_TRUE(step.flush) << "another epoch";
      EXPECT_EQ(lease_, absl::ZeroDuration()) << "a lease of another epoch";
    }
    if (step.position < position_) {
      EXPECT_TRUE(step.flush) << "backwards";
      EXPECT_EQ(lease_, absl::ZeroDuration()) << "backwards with a lease";
    }
    epoch_ = step.epoch;
    position_ = step.position;
  }
  void On(const SetLease& lease, absl::Duration now) {
    if (lease.end != absl::ZeroDuration()) {
      EXPECT_GT(lease.end, lease_) << "shortened";
      EXPECT_LE(lease.end, now + sync::VerifierLease(sync::kMaxLease));
      EXPECT_TRUE(granting_) << "a lease without a Grant";
    }
    lease_ = lease.end;
  }
  void On(const Send& send, absl::Duration now) {
    if (const auto* const hello = std::get_if<sync::Hello>(&send.message)) {
      const bool anew = hello->epoch == Epoch();
      EXPECT_EQ(hello->resume_revision, anew ? Revision() : position_);
      EXPECT_EQ(hello->epoch, anew ? Epoch() : epoch_);
      if (anew) {
        EXPECT_EQ(lease_, absl::ZeroDuration());
      }
      last_beat_ = 0;
      return;
    }
    const auto& beat = std::get<sync::Beat>(send.message);
    EXPECT_EQ(beat.beat_id, last_beat_ + 1);
    EXPECT_EQ(beat.acked_revision, position_) << "said before it was done";
    last_beat_ = beat.beat_id;
    (void)now;
  }
  void On(const Connect& connect, absl::Duration) {
    EXPECT_EQ(connect.connection, connection_ + 1);
    EXPECT_GE(connect.delay, absl::ZeroDuration());
    EXPECT_LE(connect.delay, SyncClient::kMaxGoAway + SyncClient::kMinBackoff);
    connection_ = connect.connection;
  }
  void On(const SetImportedKeys& imported, absl::Duration) {
    EXPECT_NE(imported.any, imported_keys_) << "said for nothing";
    imported_keys_ = imported.any;
  }
  void On(const SetTimer& timer, absl::Duration) { timer_ = timer.at; }

 public:
  bool granting_ = false;
  absl::Duration timer_ = absl::InfiniteDuration();

 private:
  bool imported_keys_ = true;
  ConnectionId connection_ = 0;
  uint64_t last_beat_ = 0;
  Epoch epoch_;
  Revision position_;
  absl::Duration lease_;
};

class SyncClientPropertyTest : public testing::TestWithParam<uint32_t> {};

TEST_P(SyncClientPropertyTest, HoldsForAnyAuthority) {
  std::mt19937 random(GetParam());
  FakeRandom jitter(GetParam());
  SyncClient client({}, jitter);
  Checker checker;
  absl::Duration now = absl::Seconds(1);
  checker.Check(client.Start(), now);

  const auto revision = [&] {
    // Mostly near the position, so that stories go on for a while.
    const uint64_t position = checker.position().value;
    return Revision{random() % 8 == 0 ? random() % 100 : position + random() % 3};
  };
  const auto message = [&]() -> sync::FromAuthority {
    switch (random() % 8) {
      case 0:
        return sync::Welcome{.epoch = EpochOf(1 + random() % 8 / 7),
                             .head_revision = revision(),
                             .resumed = random() % 2 == 0,
                             .lease = absl::Milliseconds(random() % 70'000),
                             .beat_interval = absl::Milliseconds(random() % 20'000)};
      case 1:
      case 2:
      case 3:
        return sync::Invalidation{.previous_revision = revision(),
                                  .to_revision = revision(),
                                  .items = {sync::KeyItem{IdOf(random() % 5)}}};
      case 4:
        if (random() % 4 == 0) return sync::Reset{.to_revision = revision()};
        return sync::GoAway{absl::Milliseconds(random() % 100'000)};
      default:
        return sync::Grant{.beat_id = checker.last_beat() - random() % 3,
                           .up_to_revision = revision(),
                           .lease = absl::Milliseconds(random() % 100'000)};
    }
  };
  std::set<absl::Duration> leases;
  for (int step = 0; step < 2'000 && !HasFailure(); ++step) {
    now += absl::Milliseconds(random() % 500);
    const ConnectionId connection = checker.connection() - (random() % 20 == 0 ? 1 : 0);
    checker.granting_ = false;
    switch (random() % 16) {
      case 0:
      case 1:
      case 2:
        checker.Check(client.OnConnected(connection, now), now);
        break;
      case 3:
        if (random() % 4 == 0) checker.Check(client.OnDisconnected(connection, now), now);
        break;
      case 4:
      case 5:
        checker.timer_ = absl::InfiniteDuration();  // a timer fires once
        checker.Check(client.OnTimer(now), now);
        break;
      default: {
        const sync::FromAuthority sent = client.state() == SyncState::kGreeting && random() % 8 != 0
                                             ? sync::Welcome{.epoch = EpochOf(1),
                                                             .head_revision = revision(),
                                                             .resumed = random() % 4 != 0,
                                                             .lease = sync::kDefaultLease,
                                                             .beat_interval = absl::Seconds(1)}
                                             : message();
        checker.granting_ = std::holds_alternative<sync::Grant>(sent);
        checker.Check(client.OnMessage(connection, sent, now), now);
      }
    }
    ASSERT_EQ(client.position(), checker.position()) << "step " << step;
    ASSERT_EQ(client.lease_end(), checker.lease()) << "step " << step;
    ASSERT_EQ(client.state() == SyncState::kWaiting, checker.timer_ == absl::InfiniteDuration())
        << "step " << step;
    leases.insert(checker.lease());
  }
  EXPECT_GT(leases.size(), 10U) << "the story never got anywhere";
}

INSTANTIATE_TEST_SUITE_P(Seeds, SyncClientPropertyTest, testing::Range(1U, 101U));

}  // namespace
}  // namespace claviger::client
