// Connections: what begins, ends and delays them, and what the simulation can break.

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/client/sync_client_fixture.h"

namespace claviger::client {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// The projects that the step among the actions tells of, `all` for all.
Lines ProjectsOf(const SyncActions& actions) {
  for (const SyncAction& action : actions) {
    const auto* const step = std::get_if<CacheStep>(&action);
    if (step != nullptr) return step->projects == nullptr ? Lines{"all"} : *step->projects;
  }
  return {"no step"};
}

TEST_F(SyncClientTest, EveryStepTellsWhichProjectsMayBeKept) {
  client_.Start();
  Connected();
  sync::Welcome welcome = Fresh(10);
  welcome.projects = {"web", "api"};
  EXPECT_THAT(ProjectsOf(client_.OnMessage(1, welcome, now_)), ElementsAre("api", "web"));
  EXPECT_THAT(ProjectsOf(client_.OnMessage(1, Invalid(10, 11, 1), now_)),
              ElementsAre("api", "web"));
  EXPECT_THAT(ProjectsOf(client_.OnMessage(1, GrantFor(2, 12), now_)), ElementsAre("api", "web"));
}

TEST_F(SyncClientTest, OtherProjectsThanBeforeFlush) {
  const struct {
    const char* name;
    std::optional<Lines> before, now;
    bool keeps;
  } kCases[] = {
      {"all", std::nullopt, std::nullopt, true},
      {"the same in another order", Lines{"a", "b"}, Lines{"b", "a"}, true},
      {"fewer", Lines{"a", "b"}, Lines{"a"}, false},
      {"more", Lines{"a"}, Lines{"a", "b"}, false},
      {"some of all", std::nullopt, Lines{"a"}, false},
      {"all of some", Lines{"a"}, std::nullopt, false},
      {"none of all", std::nullopt, Lines{}, false},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.name);
    for (const bool resumed : {false, true}) {
      SyncClient client({}, random_);
      client.Start();
      client.OnConnected(1, now_);
      sync::Welcome welcome = Fresh(10);
      welcome.projects = c.before;
      client.OnMessage(1, welcome, now_);
      client.OnMessage(1, GrantFor(1, 10), now_);
      client.OnDisconnected(1, now_);
      client.OnConnected(2, now_);
      welcome = resumed ? Resumed(12) : Fresh(12);
      welcome.projects = c.now;
      const Lines lines = Note(client.OnMessage(2, welcome, now_));
      if (!resumed) {
        EXPECT_EQ(lines, (Lines{"flush, go to 12", "beat 1 at 12"}));
      } else if (c.keeps) {
        EXPECT_EQ(lines, Lines{"beat 1 at 10"});
      } else {  // asked for anew, without an epoch
        EXPECT_EQ(lines, (Lines{"lease to 0", "connect 3 after 100"}));
        EXPECT_EQ(client.epoch(), std::nullopt);
      }
    }
  }
}

TEST_F(SyncClientTest, AResetFlushesAndIsAcknowledged) {
  Follow();
  EXPECT_THAT(Get(sync::Reset{.to_revision = {99}, .why = sync::ResetReason::kTooSlow}),
              ElementsAre("flush, go to 99", "beat 2 at 99"));
}

TEST_F(SyncClientTest, MessagesOutOfOrderEndTheConnection) {
  const std::map<std::string, sync::FromAuthority> before_welcome = {
      {"invalidation", Invalid(0, 1, 1)},
      {"grant", GrantFor(1, 1)},
      {"reset", sync::Reset{.to_revision = {1}}},
  };
  for (const auto& [name, message] : before_welcome) {
    SCOPED_TRACE(name);
    SyncClient client({}, random_);
    client.Start();
    client.OnConnected(1, now_);
    EXPECT_THAT(Note(client.OnMessage(1, message, now_)), ElementsAre("connect 2 after 100"));
  }
  Follow();
  EXPECT_THAT(Get(Fresh(20)), ElementsAre("connect 2 after 100")) << "a second Welcome";
}

TEST_F(SyncClientTest, AWelcomeWithoutALeaseEndsTheConnection) {
  client_.Start();
  Connected();
  sync::Welcome welcome = Fresh(10);
  welcome.lease = absl::ZeroDuration();
  EXPECT_THAT(Get(welcome), ElementsAre("connect 2 after 100"));
  EXPECT_EQ(client_.position(), Revision{0});
}

TEST_F(SyncClientTest, WhatConcernsAnotherConnectionIsIgnored) {
  Follow();
  Disconnected();
  EXPECT_THAT(Get(Invalid(10, 11, 5)), IsEmpty()) << "late, from the stream that is gone";
  EXPECT_THAT(Disconnected(), IsEmpty());
  EXPECT_THAT(Connected(), IsEmpty());
  EXPECT_EQ(client_.position(), Revision{10});
  connection_ = 2;
  EXPECT_THAT(Get(GrantFor(1, 11)), IsEmpty()) << "not connected yet";
}

TEST_F(SyncClientTest, ASilentConnectionIsGivenUpAfterOneLease) {
  Follow();
  EXPECT_THAT(At(absl::Seconds(101)), ElementsAre("beat 2 at 10"));
  EXPECT_THAT(At(absl::Seconds(102)), ElementsAre("beat 3 at 10"));
  EXPECT_EQ(timer_, absl::Seconds(103));
  EXPECT_THAT(At(absl::Seconds(103)), ElementsAre("connect 2 after 100"));
  EXPECT_EQ(timer_, absl::InfiniteDuration());
}

TEST_F(SyncClientTest, AConnectionWithoutWelcomeIsGivenUp) {
  client_.Start();
  Connected();
  EXPECT_EQ(timer_, now_ + SyncClient::kWelcomeTimeout);
  EXPECT_THAT(At(timer_), ElementsAre("connect 2 after 100"));
}

TEST_F(SyncClientTest, GoAwayIsHonouredWithinItsBound) {
  const struct {
    absl::Duration told;
    std::string line;
  } kCases[] = {
      {absl::Milliseconds(1'500), "connect 2 after 1500"},
      {absl::ZeroDuration(), "connect 2 after 0"},
      {-absl::Seconds(1), "connect 2 after 0"},
      {absl::Hours(24), "connect 2 after 60000"},
  };
  for (const auto& c : kCases) {
    SyncClient client({}, random_);
    client.Start();
    client.OnConnected(1, now_);
    client.OnMessage(1, Fresh(10), now_);
    EXPECT_THAT(Note(client.OnMessage(1, sync::GoAway{c.told}, now_)), ElementsAre(c.line));
    EXPECT_THAT(Note(client.OnDisconnected(1, now_)), IsEmpty());
  }
}

// The delays of ten failed attempts.
std::vector<absl::Duration> Delays(RandomSource& random) {
  SyncClient client({}, random);
  SyncActions actions = client.Start();
  std::vector<absl::Duration> delays;
  for (ConnectionId connection = 1; connection <= 10; ++connection) {
    actions = client.OnDisconnected(connection, absl::Seconds(connection));
    delays.push_back(std::get<Connect>(actions.at(0)).delay);
  }
  return delays;
}

TEST_F(SyncClientTest, DelaysGrowToTheirBound) {
  ConstantRandom longest(0xff);
  std::vector<int64_t> milliseconds;
  for (const absl::Duration delay : Delays(longest)) {
    milliseconds.push_back(absl::ToInt64Milliseconds(delay + absl::Microseconds(1)));
  }
  EXPECT_THAT(milliseconds,
              ElementsAre(300, 600, 1'200, 2'400, 4'800, 5'000, 5'000, 5'000, 5'000, 5'000));
}

TEST_F(SyncClientTest, DelaysAreDrawnWithinTheirBounds) {
  std::map<absl::Duration, int> drawn;
  for (uint32_t seed = 0; seed < 100; ++seed) {
    FakeRandom random(seed);
    for (const absl::Duration delay : Delays(random)) {
      EXPECT_GE(delay, SyncClient::kMinBackoff);
      EXPECT_LE(delay, SyncClient::kMaxBackoff);
      ++drawn[delay];
    }
  }
  EXPECT_GT(drawn.size(), 900U) << "verifiers that fail together come back together";
}

TEST_F(SyncClientTest, WithoutEntropyTheDelayIsTheLongest) {
  FakeRandom random;
  random.FailWith(absl::UnavailableError("no entropy"));
  EXPECT_EQ(Delays(random).back(), SyncClient::kMaxBackoff);
}

TEST_F(SyncClientTest, AGrantEndsTheBackOff) {
  ConstantRandom longest(0xff);
  SyncClient client({}, longest);
  client.Start();
  for (ConnectionId connection = 1; connection <= 9; ++connection) {
    client.OnDisconnected(connection, now_);
  }
  client.OnConnected(10, now_);
  client.OnMessage(10, Fresh(10), now_);
  client.OnMessage(10, GrantFor(1, 10), now_);
  const SyncActions actions = client.OnDisconnected(10, now_);
  EXPECT_LE(std::get<Connect>(actions.at(0)).delay, absl::Milliseconds(300));
}

TEST_F(SyncClientTest, AWelcomeAloneDoesNotEndTheBackOff) {
  ConstantRandom longest(0xff);
  SyncClient client({}, longest);
  client.Start();
  absl::Duration delay;
  for (ConnectionId connection = 1; connection <= 9; ++connection) {
    client.OnConnected(connection, now_);
    client.OnMessage(connection, Fresh(10), now_);
    delay = std::get<Connect>(client.OnDisconnected(connection, now_).at(0)).delay;
  }
  EXPECT_GT(delay, absl::Milliseconds(4'900));
}

TEST_F(SyncClientTest, UnansweredBeatsTakeBoundedMemoryAndStillRenew) {
  Follow();
  for (uint64_t i = 0; i < 10'000; ++i) Get(Invalid(10 + i, 11 + i, 1));
  // An answer to one of the first of them, while all the others are on their way.
  now_ += absl::Seconds(1);
  EXPECT_THAT(Get(GrantFor(2, 10'010)), IsEmpty()) << "no longer than what is";
  EXPECT_THAT(At(now_ + absl::Milliseconds(1)), ElementsAre("beat 10002 at 10010"));
  EXPECT_THAT(Get(GrantFor(10'002, 10'010)), ElementsAre("lease to 103986"));
}

// What the simulation breaks is broken.
struct BrokenRule {
  const char* name;
  SyncRules rules;
  Lines lines;  // of the last message of the story below
};

class BrokenSyncClientTest : public testing::TestWithParam<BrokenRule> {};

TEST_P(BrokenSyncClientTest, TheLastStepDiffers) {
  ConstantRandom random(0);
  const std::string name = GetParam().name;
  SyncClient client({}, random, GetParam().rules);
  const absl::Duration now = absl::Seconds(100);
  const auto welcome = [](bool resumed, const Epoch& epoch) {
    return sync::Welcome{.epoch = epoch,
                         .head_revision = {10},
                         .resumed = resumed,
                         .lease = kLease,
                         .beat_interval = absl::Seconds(1)};
  };
  client.Start();
  client.OnConnected(1, now);
  client.OnMessage(1, welcome(false, kEpoch), now);
  SyncActions last;
  if (name == "I2") {
    last = client.OnMessage(1, sync::Invalidation{{20}, {21}, {}}, now);
  } else if (name == "I9") {
    last = client.OnMessage(1, sync::Invalidation{{10}, {11}, {}}, now);
  } else if (name == "I6") {
    last = client.OnMessage(1, sync::Grant{1, {10}, kLease}, now + absl::Seconds(1));
  } else {
    client.OnDisconnected(1, now);
    client.OnConnected(2, now);
    last = client.OnMessage(2, welcome(true, name == "I12" ? kOtherEpoch : kEpoch), now);
  }
  Lines lines;
  for (const SyncAction& action : last) {
    if (!std::holds_alternative<SetTimer>(action)) lines.push_back(std::visit(Describe(), action));
  }
  EXPECT_EQ(lines, GetParam().lines);
}

INSTANTIATE_TEST_SUITE_P(
    Rules, BrokenSyncClientTest,
    testing::Values(
        BrokenRule{"I2", {.flush_on_gap = false}, {"go to 21", "beat 2 at 21"}},
        BrokenRule{"I6", {.client_lease_margin = false}, {"lease to 104000"}},
        BrokenRule{"I8", {.keep_only_until_lease_end = false}, {"lease to 102985", "beat 1 at 10"}},
        BrokenRule{"I9", {.evict_before_ack = false}, {"beat 2 at 11", "go to 11"}},
        BrokenRule{
            "I12", {.flush_on_new_epoch = false}, {"go to 10 of another epoch", "beat 1 at 10"}}),
    [](const auto& instance) { return std::string(instance.param.name); });

}  // namespace
}  // namespace claviger::client
