#include "client/src/sync_client.h"

#include <map>
#include <string>
#include <variant>
#include <vector>

#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/fake_random.h"
#include "tests/unit/client/grant_testing.h"

namespace claviger::client {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Lines = std::vector<std::string>;

const Epoch kEpoch = EpochOf(1);
const Epoch kOtherEpoch = EpochOf(2);
constexpr absl::Duration kLease = absl::Seconds(3);
// To the verifier: 3 s less 0.5 %.
constexpr absl::Duration kOwnLease = absl::Milliseconds(2'985);

// One line per action, times in milliseconds; keys by their number.
struct Describe {
  std::string operator()(const CacheStep& step) const {
    std::string text = step.flush ? "flush" : "";
    for (const sync::Item& item : step.items) {
      if (!text.empty()) text += ", ";
      if (const auto* const key = std::get_if<sync::KeyItem>(&item)) {
        text += fmt::format("evict {}", std::stoull(key->id.ToString()));
      } else if (const auto* const project = std::get_if<sync::ProjectItem>(&item)) {
        text += "evict " + project->id;
      } else {
        text += "evict all";
      }
    }
    return fmt::format("{}{}go to {}{}", text, text.empty() ? "" : ", ", step.position.value,
                       step.epoch == kEpoch ? "" : " of another epoch");
  }
  std::string operator()(const SetLease& lease) const {
    return fmt::format("lease to {}", absl::ToInt64Milliseconds(lease.end));
  }
  std::string operator()(const Send& send) const {
    if (const auto* const hello = std::get_if<sync::Hello>(&send.message)) {
      return fmt::format("hello at {}{}", hello->resume_revision.value,
                         hello->epoch == Epoch() ? " of no epoch" : "");
    }
    const auto& beat = std::get<sync::Beat>(send.message);
    return fmt::format("beat {} at {}", beat.beat_id, beat.acked_revision.value);
  }
  std::string operator()(const Connect& connect) const {
    return fmt::format("connect {} after {}", connect.connection,
                       absl::ToInt64Milliseconds(connect.delay));
  }
  std::string operator()(const SetTimer&) const { return {}; }
};

class SyncClientTest : public testing::Test {
 protected:
  explicit SyncClientTest(const SyncRules& rules = {})
      : client_({.session_id = {7},
                 .project_ids = {"web"},
                 .stale_on_error = absl::Seconds(9),
                 .client = "test/1"},
                random_, rules) {}

  // The actions but for the timer, which is kept apart.
  Lines Note(const SyncActions& actions) {
    Lines lines;
    for (const SyncAction& action : actions) {
      if (const auto* const timer = std::get_if<SetTimer>(&action)) {
        timer_ = timer->at;
      } else {
        lines.push_back(std::visit(Describe(), action));
      }
    }
    return lines;
  }
  Lines Connected() { return Note(client_.OnConnected(connection_, now_)); }
  Lines Get(const sync::FromAuthority& message) {
    return Note(client_.OnMessage(connection_, message, now_));
  }
  Lines Disconnected() { return Note(client_.OnDisconnected(connection_, now_)); }
  Lines At(absl::Duration time) {
    now_ = time;
    return Note(client_.OnTimer(now_));
  }

  static sync::Welcome Resumed(uint64_t head, const Epoch& epoch = kEpoch) {
    return {.epoch = epoch,
            .head_revision = {head},
            .resumed = true,
            .lease = kLease,
            .beat_interval = absl::Seconds(1)};
  }
  static sync::Welcome Fresh(uint64_t head, const Epoch& epoch = kEpoch) {
    sync::Welcome welcome = Resumed(head, epoch);
    welcome.resumed = false;
    return welcome;
  }
  static sync::Invalidation Invalid(uint64_t previous, uint64_t to, uint64_t key) {
    return {
        .previous_revision = {previous}, .to_revision = {to}, .items = {sync::KeyItem{IdOf(key)}}};
  }
  static sync::Grant GrantFor(uint64_t beat, uint64_t up_to) {
    return {.beat_id = beat, .up_to_revision = {up_to}, .lease = kLease};
  }

  // On connection 1, in step at revision 10, with a lease from time 100 s.
  void Follow() {
    Note(client_.Start());
    Connected();
    Get(Fresh(10));
    Get(GrantFor(1, 10));
  }
  // Loses the connection and comes back, up to before the Welcome.
  void ComeBack(absl::Duration at) {
    Disconnected();
    ++connection_;
    now_ = at;
    Connected();
  }

  ConstantRandom random_{0};  // draws the shortest delays
  SyncClient client_;
  ConnectionId connection_ = 1;
  absl::Duration now_ = absl::Seconds(100);
  absl::Duration timer_ = absl::InfiniteDuration();
};

TEST_F(SyncClientTest, BeginsWithAConnectionAtOnce) {
  EXPECT_THAT(Note(client_.Start()), ElementsAre("connect 1 after 0"));
  EXPECT_EQ(client_.state(), SyncState::kWaiting);
}

TEST_F(SyncClientTest, TheFirstHelloHasNoPosition) {
  client_.Start();
  const SyncActions actions = client_.OnConnected(1, now_);
  ASSERT_GE(actions.size(), 1U);
  const auto& hello = std::get<sync::Hello>(std::get<Send>(actions[0]).message);
  EXPECT_EQ(hello.session_id, sync::SessionId{7});
  EXPECT_EQ(hello.epoch, Epoch());
  EXPECT_EQ(hello.resume_revision, Revision{0});
  EXPECT_THAT(hello.project_ids, ElementsAre("web"));
  EXPECT_EQ(hello.stale_on_error, absl::Seconds(9));
  EXPECT_EQ(hello.client, "test/1");
}

TEST_F(SyncClientTest, WelcomeGivesAPositionAndAsksForALease) {
  client_.Start();
  Connected();
  EXPECT_THAT(Get(Fresh(10)), ElementsAre("flush, go to 10", "beat 1 at 10"));
  EXPECT_EQ(client_.state(), SyncState::kFollowing);
  EXPECT_EQ(client_.lease_end(), absl::ZeroDuration()) << "no lease before the first Grant";
}

TEST_F(SyncClientTest, AWelcomeThatResumesWithoutAPositionResets) {
  client_.Start();
  Connected();
  EXPECT_THAT(Get(Resumed(10)), ElementsAre("flush, go to 10", "beat 1 at 10"));
}

TEST_F(SyncClientTest, ALeaseCountsFromTheBeat) {
  client_.Start();
  Connected();
  Get(Fresh(10));
  now_ += absl::Milliseconds(700);  // a slow answer
  EXPECT_THAT(Get(GrantFor(1, 10)), ElementsAre("lease to 102985"));
  EXPECT_EQ(client_.lease_end(), absl::Seconds(100) + kOwnLease);
}

TEST_F(SyncClientTest, ItemsGoBeforeThePositionMovesAndBeforeTheAck) {
  Follow();
  EXPECT_THAT(Get(Invalid(10, 11, 5)), ElementsAre("evict 5, go to 11", "beat 2 at 11"));
  EXPECT_EQ(client_.position(), Revision{11});
}

TEST_F(SyncClientTest, EveryKindOfItemIsPassedOn) {
  Follow();
  EXPECT_THAT(Get(sync::Invalidation{
                  .previous_revision = {10},
                  .to_revision = {13},
                  .items = {sync::KeyItem{IdOf(1)}, sync::ProjectItem{"web"}, sync::AllItem{}}}),
              ElementsAre("evict 1, evict web, evict all, go to 13", "beat 2 at 13"));
}

TEST_F(SyncClientTest, AnInvalidationThatDoesNotFollowFlushes) {
  const struct { uint64_t previous, to; } kCases[] = {{11, 12}, {9, 11}, {0, 1}, {1'000, 1'001}};
  for (const auto& c : kCases) {
    SyncClient client({}, random_);
    client.Start();
    client.OnConnected(1, now_);
    client.OnMessage(1, Fresh(10), now_);
    EXPECT_EQ(
        Note(client.OnMessage(1, Invalid(c.previous, c.to, 5), now_)),
        (Lines{fmt::format("flush, evict 5, go to {}", c.to), fmt::format("beat 2 at {}", c.to)}));
  }
}

TEST_F(SyncClientTest, AGrantMovesThePositionForwardOnly) {
  Follow();
  At(absl::Seconds(101));
  EXPECT_THAT(Get(GrantFor(2, 15)), ElementsAre("go to 15", "lease to 103985"));
  At(absl::Seconds(102));
  EXPECT_THAT(Get(GrantFor(3, 12)), ElementsAre("lease to 104985"));
  EXPECT_EQ(client_.position(), Revision{15});
  EXPECT_THAT(Get(Invalid(15, 16, 1)), ElementsAre("evict 1, go to 16", "beat 4 at 16"));
}

TEST_F(SyncClientTest, ThePositionMovesBeforeTheLease) {
  Follow();
  At(absl::Seconds(101));
  const Lines lines = Get(GrantFor(2, 11));
  EXPECT_THAT(lines, ElementsAre("go to 11", "lease to 103985"));
}

TEST_F(SyncClientTest, AGrantForABeatThatWasNeverSentIsIgnored) {
  Follow();
  EXPECT_THAT(Get(GrantFor(2, 1'000)), IsEmpty());
  EXPECT_EQ(client_.position(), Revision{10});
}

TEST_F(SyncClientTest, AnOlderOrRepeatedGrantDoesNotTouchTheLease) {
  Follow();
  At(absl::Seconds(101));
  At(absl::Seconds(102));
  EXPECT_THAT(Get(GrantFor(3, 10)), ElementsAre("lease to 104985"));
  EXPECT_THAT(Get(GrantFor(2, 10)), IsEmpty());
  EXPECT_THAT(Get(GrantFor(3, 10)), IsEmpty());
  EXPECT_EQ(client_.lease_end(), absl::Seconds(102) + kOwnLease);
}

TEST_F(SyncClientTest, AShorterLeaseDoesNotShortenTheOneThatIs) {
  Follow();
  At(absl::Seconds(101));
  sync::Grant grant = GrantFor(2, 10);
  grant.lease = absl::Seconds(1);
  EXPECT_THAT(Get(grant), IsEmpty());
  EXPECT_EQ(client_.lease_end(), absl::Seconds(100) + kOwnLease);
}

TEST_F(SyncClientTest, ALeaseOutOfBoundsIsCut) {
  Follow();
  At(absl::Seconds(101));
  sync::Grant grant = GrantFor(2, 10);
  grant.lease = absl::Hours(1'000'000);
  EXPECT_THAT(Get(grant), ElementsAre("lease to 160700"));  // 60 s less 0.5 %
  At(absl::Seconds(102));
  grant = GrantFor(3, 10);
  grant.lease = -absl::Hours(1);
  EXPECT_THAT(Get(grant), IsEmpty());
}

TEST_F(SyncClientTest, BeatsGoOutEveryInterval) {
  Follow();
  EXPECT_EQ(timer_, absl::Seconds(101));
  EXPECT_THAT(At(absl::Seconds(101)), ElementsAre("beat 2 at 10"));
  EXPECT_EQ(timer_, absl::Seconds(102));
  EXPECT_THAT(At(absl::Milliseconds(102'300)), ElementsAre("beat 3 at 10")) << "a late timer";
}

TEST_F(SyncClientTest, AnEarlyTimerIsSetAgain) {
  Follow();
  timer_ = absl::InfiniteDuration();
  EXPECT_THAT(At(absl::Milliseconds(100'900)), IsEmpty());
  EXPECT_EQ(timer_, absl::Seconds(101));
}

TEST_F(SyncClientTest, AnAckCountsAsABeat) {
  Follow();
  now_ = absl::Milliseconds(100'600);
  Get(Invalid(10, 11, 5));
  EXPECT_EQ(timer_, absl::Milliseconds(101'600));
}

TEST_F(SyncClientTest, BeatIntervalsAreKeptBetweenATenthAndAThirdOfTheLease) {
  const struct {
    absl::Duration told, kept;
  } kCases[] = {
      {absl::Milliseconds(500), absl::Milliseconds(500)},
      {absl::ZeroDuration(), absl::Milliseconds(300)},
      {-absl::Seconds(1), absl::Milliseconds(300)},
      {absl::Hours(1), absl::Seconds(1)},
  };
  for (const auto& c : kCases) {
    SyncClient client({}, random_);
    client.Start();
    client.OnConnected(1, now_);
    sync::Welcome welcome = Fresh(10);
    welcome.beat_interval = c.told;
    Note(client.OnMessage(1, welcome, now_));
    EXPECT_EQ(timer_, now_ + c.kept) << c.told;
  }
}

TEST_F(SyncClientTest, AReconnectTellsWhereItIs) {
  Follow();
  Get(Invalid(10, 11, 5));
  EXPECT_THAT(Disconnected(), ElementsAre("connect 2 after 100"));
  ++connection_;
  EXPECT_THAT(Connected(), ElementsAre("hello at 11"));
}

TEST_F(SyncClientTest, AKeptCacheLivesOnTheOldLeaseUntilTheFirstGrant) {
  Follow();
  ComeBack(absl::Seconds(102));
  EXPECT_THAT(Get(Resumed(12)), ElementsAre("beat 1 at 10"));
  EXPECT_EQ(client_.lease_end(), absl::Seconds(100) + kOwnLease);
  EXPECT_THAT(Get(Invalid(10, 12, 5)), ElementsAre("evict 5, go to 12", "beat 2 at 12"));
  EXPECT_EQ(client_.lease_end(), absl::Seconds(100) + kOwnLease);
  EXPECT_THAT(Get(GrantFor(2, 12)), ElementsAre("lease to 104985"));
}

TEST_F(SyncClientTest, BeatsOfTheLastConnectionAreForgotten) {
  Follow();
  At(absl::Seconds(101));
  At(absl::Seconds(102));  // beats 2 and 3, unanswered
  ComeBack(absl::Milliseconds(102'500));
  Get(Resumed(10));
  EXPECT_THAT(Get(GrantFor(3, 10)), IsEmpty());
  EXPECT_THAT(Get(GrantFor(1, 10)), ElementsAre("lease to 105485"));
}

TEST_F(SyncClientTest, AWelcomeThatDoesNotResumeFlushesAndKeepsTheOldLease) {
  Follow();
  ComeBack(absl::Seconds(101));
  EXPECT_THAT(Get(Fresh(50)), ElementsAre("flush, go to 50", "beat 1 at 50"));
  EXPECT_EQ(client_.lease_end(), absl::Seconds(100) + kOwnLease);
}

TEST_F(SyncClientTest, AnotherEpochFlushesAndEndsTheLease) {
  for (const sync::Welcome& welcome : {Fresh(3, kOtherEpoch), Resumed(3, kOtherEpoch)}) {
    SyncClient client({}, random_);
    client.Start();
    client.OnConnected(1, now_);
    client.OnMessage(1, Fresh(10), now_);
    client.OnMessage(1, GrantFor(1, 10), now_);
    client.OnDisconnected(1, now_);
    client.OnConnected(2, now_);
    EXPECT_THAT(Note(client.OnMessage(2, welcome, now_)),
                ElementsAre("lease to 0", "flush, go to 3 of another epoch", "beat 1 at 3"));
    EXPECT_EQ(client.lease_end(), absl::ZeroDuration());
    EXPECT_EQ(client.epoch(), kOtherEpoch);
  }
}

TEST_F(SyncClientTest, AnAuthorityBehindOurPositionResets) {
  Follow();
  ComeBack(absl::Seconds(101));
  EXPECT_THAT(Get(Resumed(9)), ElementsAre("flush, go to 9", "beat 1 at 9"));
}

// The projects that a step tells of, `all` for all.
Lines ProjectsOf(const SyncAction& action) {
  const ToldProjects& projects = std::get<CacheStep>(action).projects;
  return projects == nullptr ? Lines{"all"} : *projects;
}

TEST_F(SyncClientTest, EveryStepTellsWhichProjectsMayBeKept) {
  client_.Start();
  Connected();
  sync::Welcome welcome = Fresh(10);
  welcome.projects = {"web", "api"};
  EXPECT_THAT(ProjectsOf(client_.OnMessage(1, welcome, now_).at(0)), ElementsAre("api", "web"));
  EXPECT_THAT(ProjectsOf(client_.OnMessage(1, Invalid(10, 11, 1), now_).at(0)),
              ElementsAre("api", "web"));
  EXPECT_THAT(ProjectsOf(client_.OnMessage(1, GrantFor(2, 12), now_).at(0)),
              ElementsAre("api", "web"));
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
    SyncClient client({}, random_);
    client.Start();
    client.OnConnected(1, now_);
    sync::Welcome welcome = Fresh(10);
    welcome.projects = c.before;
    client.OnMessage(1, welcome, now_);
    client.OnDisconnected(1, now_);
    client.OnConnected(2, now_);
    welcome = Resumed(12);
    welcome.projects = c.now;
    EXPECT_EQ(Note(client.OnMessage(2, welcome, now_)),
              c.keeps ? Lines{"beat 1 at 10"} : (Lines{"flush, go to 12", "beat 1 at 12"}));
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
