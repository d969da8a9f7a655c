// Positions and leases.

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/client/sync_client_fixture.h"

namespace claviger::client {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

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
  const struct { uint64_t previous, to; } kCases[] = {{11, 12}, {9, 11}, {0, 10}, {1'000, 1'001}};
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

// S never goes back within an epoch: an answer from before an old revoke would pass the fence.
TEST_F(SyncClientTest, AnAuthorityThatGoesBackEndsTrustAndAllBeginsAnew) {
  const struct {
    const char* name;
    sync::FromAuthority message;
    bool at_welcome;
  } kCases[] = {
      {"resumed behind S", Resumed(9), true},
      {"reset behind S", Fresh(9), true},
      {"invalidation to before S", Invalid(10, 9, 5), false},
      {"reset to before S", sync::Reset{.to_revision = {9}}, false},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.name);
    SyncClient client({}, random_);
    client.Start();
    client.OnConnected(1, now_);
    client.OnMessage(1, Fresh(10), now_);
    client.OnMessage(1, GrantFor(1, 10), now_);
    ConnectionId connection = 1;
    if (c.at_welcome) {
      client.OnDisconnected(1, now_);
      client.OnConnected(++connection, now_);
    }
    const Lines lines = Note(client.OnMessage(connection, c.message, now_));
    ASSERT_EQ(lines.size(), 2U);
    EXPECT_EQ(lines[0], "lease to 0");
    EXPECT_EQ(lines[1].substr(0, 7), "connect");
    EXPECT_THAT(Note(client.OnConnected(++connection, now_)),
                ElementsAre("hello at 0 of no epoch"));
    EXPECT_THAT(Note(client.OnMessage(connection, Fresh(9), now_)),
                ElementsAre("flush, go to 9", "beat 1 at 9"));
  }
}

TEST_F(SyncClientTest, ItTakesForGrantedThatKeysWereImportedUntilItIsToldThatNoneWere) {
  EXPECT_TRUE(imported_keys_);
  Follow();
  EXPECT_FALSE(imported_keys_);
}

TEST_F(SyncClientTest, TheFirstImportedKeyCountsBeforeItIsAcknowledged) {
  Follow();
  sync::Invalidation invalidation = Invalid(10, 11, 3);
  invalidation.imported_keys = true;
  EXPECT_EQ(Get(invalidation).size(), 2u);
  EXPECT_TRUE(imported_keys_);
  EXPECT_EQ(learned_at_, 0u) << "ahead of the step and of the beat";
  invalidation.previous_revision = {11};
  invalidation.to_revision = {12};
  Get(invalidation);
  EXPECT_TRUE(imported_keys_);
}

TEST_F(SyncClientTest, AfterAResetThereMayBeImportedKeysUntilItIsToldAgain) {
  Follow();
  Get(sync::Reset{.to_revision = {20}});
  EXPECT_TRUE(imported_keys_);
  Get(Invalid(20, 21, 3));
  EXPECT_FALSE(imported_keys_);
}

TEST_F(SyncClientTest, AWelcomeSaysWhetherKeysWereImported) {
  Follow();
  ComeBack(absl::Seconds(101));
  sync::Welcome welcome = Resumed(10);
  welcome.imported_keys = true;
  Get(welcome);
  EXPECT_TRUE(imported_keys_);
  ComeBack(absl::Seconds(102));
  Get(Resumed(10));
  EXPECT_FALSE(imported_keys_) << "the last of them went while the authority was not running";
}

}  // namespace
}  // namespace claviger::client
