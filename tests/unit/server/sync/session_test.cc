// What a verifying session is sent, and when it earns a lease.

#include "tests/unit/server/sync/hub_fixture.h"

namespace claviger::sync {
namespace {

using SessionTest = HubTest;

// Of a verifier's own clock; see Welcome.
const absl::Duration kBeatInterval = kDefaultLease / 3;

TEST_F(SessionTest, NewVerifierIsToldToForgetAndEarnsALeaseByItsFirstBeat) {
  Connect(kFirst, HelloFrom(1, {}, /*same_epoch=*/false));
  auto sent = Sent(kFirst);
  ASSERT_EQ(sent.size(), 1u);
  const auto* welcome = As<Welcome>(sent[0]);
  ASSERT_NE(welcome, nullptr);
  EXPECT_FALSE(welcome->resumed);
  EXPECT_EQ(welcome->head_revision, head_);
  EXPECT_EQ(welcome->lease, kDefaultLease);
  EXPECT_EQ(welcome->projects, std::nullopt);

  Beat(kFirst, head_);
  sent = Sent(kFirst);
  ASSERT_EQ(sent.size(), 1u);
  const auto* grant = As<Grant>(sent[0]);
  ASSERT_NE(grant, nullptr);
  EXPECT_EQ(grant->beat_id, beats_);
  EXPECT_EQ(grant->up_to_revision, head_);
}

TEST_F(SessionTest, AChangeIsPushedAtOnceWithThePositionBefore) {
  ConnectWithLease(kFirst, 1);
  const Revision before = head_;
  Change();
  const auto sent = Sent(kFirst);
  ASSERT_EQ(sent.size(), 1u);
  const auto* invalidation = As<Invalidation>(sent[0]);
  ASSERT_NE(invalidation, nullptr);
  EXPECT_EQ(invalidation->previous_revision, before);
  EXPECT_EQ(invalidation->to_revision, head_);
  EXPECT_EQ(invalidation->items, std::vector<Item>{KeyItem{KeyId()}});
}

TEST_F(SessionTest, ChangesAreJoinedWhileOneIsUnderWay) {
  ConnectWithLease(kFirst, 1);
  Change();
  const Revision first = head_;
  ASSERT_EQ(Sent(kFirst).size(), 1u);
  Change();
  Change();
  EXPECT_TRUE(Sent(kFirst).empty());
  Advance(kBeatInterval);
  Beat(kFirst, first);
  const auto sent = Sent(kFirst);
  ASSERT_EQ(sent.size(), 2u);
  const auto* invalidation = As<Invalidation>(sent[0]);
  ASSERT_NE(invalidation, nullptr);
  EXPECT_EQ(invalidation->previous_revision, first);
  EXPECT_EQ(invalidation->to_revision, head_);
  EXPECT_EQ(invalidation->items.size(), 2u);
}

// I7.
TEST_F(SessionTest, NoLeaseWhileAnInvalidationIsUnacknowledged) {
  ConnectWithLease(kFirst, 1);
  const Revision before = head_;
  Change();
  Sent(kFirst);
  Beat(kFirst, before);
  EXPECT_TRUE(Sent(kFirst).empty());
}

// A barrier may have ended for the second change while the verifier was silent: a lease that
// overtook its invalidation would bring the old state back.
TEST_F(SessionTest, ALeaseComesBehindEverythingCommittedBeforeIt) {
  ConnectWithLease(kFirst, 1);
  Change();
  const Revision first = head_;
  Sent(kFirst);
  Change();
  Advance(kBeatInterval);
  Beat(kFirst, first);
  const auto sent = Sent(kFirst);
  ASSERT_EQ(sent.size(), 2u);
  EXPECT_NE(As<Invalidation>(sent[0]), nullptr);
  const auto* grant = As<Grant>(sent[1]);
  ASSERT_NE(grant, nullptr);
  EXPECT_EQ(grant->up_to_revision, head_);
}

// Under many changes each acknowledgement would else cost a message that lengthens the lease by
// nearly nothing.
TEST_F(SessionTest, AnAcknowledgementSoonAfterAGrantEarnsNoOther) {
  ConnectWithLease(kFirst, 1);
  Change();
  Sent(kFirst);
  Beat(kFirst, head_);
  EXPECT_TRUE(Sent(kFirst).empty());
  Await(head_);
  ASSERT_TRUE(Ended().has_value());
}

// Whatever comes between, whoever beats in time has a lease all the time.
TEST_F(SessionTest, AcknowledgementsDoNotKeepALeaseFromBeingLengthened) {
  ConnectWithLease(kFirst, 1);
  absl::Duration lease_end = now_ + kDefaultLease;
  for (int i = 0; i < 1000; ++i) {
    Change();
    Sent(kFirst);
    Advance(absl::Milliseconds(20));
    ASSERT_LT(now_, lease_end - kBeatInterval);
    Beat(kFirst, head_);
    if (!Sent(kFirst).empty()) lease_end = now_ + kDefaultLease;
  }
}

// Another connection says nothing about the lease of the last: its first beat is answered.
TEST_F(SessionTest, TheFirstBeatOfAConnectionEarnsALease) {
  ConnectWithLease(kFirst, 1);
  Connect(kSecond, HelloFrom(1, head_));
  Sent(kSecond);
  Beat(kSecond, head_);
  const auto sent = Sent(kSecond);
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_NE(As<Grant>(sent[0]), nullptr);
}

TEST_F(SessionTest, NoLeaseBeforeTheLastPartOfALongReplay) {
  ConnectWithLease(kFirst, 1);
  const Revision position = head_;
  hub_->OnClosed(kFirst);
  for (int i = 0; i < 5000; ++i) Change();
  Connect(kSecond, HelloFrom(1, position));
  auto sent = Sent(kSecond);
  ASSERT_EQ(sent.size(), 2u);
  EXPECT_TRUE(As<Welcome>(sent[0])->resumed);
  const Revision part = As<Invalidation>(sent[1])->to_revision;
  ASSERT_LT(part, head_);
  Beat(kSecond, part);
  sent = Sent(kSecond);
  ASSERT_EQ(sent.size(), 2u);
  EXPECT_EQ(As<Invalidation>(sent[0])->to_revision, head_);
  EXPECT_NE(As<Grant>(sent[1]), nullptr);
}

TEST_F(SessionTest, OnlyItsProjectsArePushedAndTheGrantMovesThePosition) {
  ConnectWithLease(kFirst, 1, ProjectFilter::Only({"mine"}));
  const Revision before = head_;
  Change("other");
  EXPECT_TRUE(Sent(kFirst).empty());
  Advance(kBeatInterval);
  Beat(kFirst, before);
  const auto sent = Sent(kFirst);
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(As<Grant>(sent[0])->up_to_revision, head_);
}

TEST_F(SessionTest, TooFarBehindIsAReset) {
  Restart({.ring_capacity = 4});
  ConnectWithLease(kFirst, 1);
  Change();
  const Revision first = head_;
  Sent(kFirst);
  for (int i = 0; i < 10; ++i) Change();
  Beat(kFirst, first);
  const auto sent = Sent(kFirst);
  ASSERT_FALSE(sent.empty());
  const auto* reset = As<Reset>(sent[0]);
  ASSERT_NE(reset, nullptr);
  EXPECT_EQ(reset->to_revision, head_);
  EXPECT_EQ(hub_->counters().resets_too_slow, 1u);
}

TEST_F(SessionTest, ResumesByRevisionAndReplaysWhatItMissed) {
  ConnectWithLease(kFirst, 1);
  const Revision position = head_;
  hub_->OnClosed(kFirst);
  Change();
  Connect(kSecond, HelloFrom(1, position));
  const auto sent = Sent(kSecond);
  ASSERT_EQ(sent.size(), 2u);
  EXPECT_TRUE(As<Welcome>(sent[0])->resumed);
  EXPECT_EQ(As<Invalidation>(sent[1])->previous_revision, position);
}

struct Unresumable {
  std::string name;
  Revision resume;
  bool same_epoch;
};
class UnresumableTest : public HubTest, public testing::WithParamInterface<Unresumable> {};

TEST_P(UnresumableTest, IsWelcomedWithAReset) {
  Restart({.ring_capacity = 4});
  for (int i = 0; i < 10; ++i) Change();
  Connect(kFirst, HelloFrom(1, GetParam().resume, GetParam().same_epoch));
  const auto sent = Sent(kFirst);
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_FALSE(As<Welcome>(sent[0])->resumed);
}

INSTANTIATE_TEST_SUITE_P(All, UnresumableTest,
                         testing::Values(Unresumable{"AnotherEpoch", Revision{20}, false},
                                         Unresumable{"TrimmedHistory", Revision{11}, true},
                                         Unresumable{"AheadOfTheAuthority", Revision{21}, true}),
                         [](const auto& test) { return test.param.name; });

TEST_F(SessionTest, AnotherFilterIsAResetUntilItIsAcknowledged) {
  ConnectWithLease(kFirst, 1, ProjectFilter::Only({"a", "b"}));
  hub_->OnClosed(kFirst);
  for (const ConnectionId connection : {kSecond, ConnectionId{3}}) {
    Connect(connection, HelloFrom(1, head_), ProjectFilter::Only({"b"}));
    EXPECT_FALSE(As<Welcome>(Sent(connection)[0])->resumed) << connection;
  }
  Beat(3, head_);
  hub_->TakeActions();
  Connect(4, HelloFrom(1, head_), ProjectFilter::Only({"b"}));
  EXPECT_TRUE(As<Welcome>(Sent(4)[0])->resumed);
}

TEST_F(SessionTest, AResetThatWasLostIsToldAgain) {
  // Unknown after a restart, so nobody knows under which filter it filled its cache.
  const ProjectFilter filter = ProjectFilter::Only({"default"});
  for (const ConnectionId connection : {kFirst, kSecond}) {
    Connect(connection, HelloFrom(1, head_), filter);
    const std::vector<FromAuthority> sent = Sent(connection);
    ASSERT_FALSE(sent.empty());
    ASSERT_NE(As<Welcome>(sent[0]), nullptr);
    EXPECT_FALSE(As<Welcome>(sent[0])->resumed);
  }
  Beat(kSecond, head_);
  Connect(kFirst + 2, HelloFrom(1, head_), filter);
  const std::vector<FromAuthority> sent = Sent(kFirst + 2);
  ASSERT_FALSE(sent.empty());
  EXPECT_TRUE(As<Welcome>(sent[0])->resumed);
}

TEST_F(SessionTest, AnObserverGetsChangesAndNoLease) {
  Hello hello = HelloFrom(1, head_);
  hello.observer = true;
  Connect(kFirst, hello);
  Sent(kFirst);
  Beat(kFirst, head_);
  EXPECT_TRUE(Sent(kFirst).empty());
  Change();
  EXPECT_NE(As<Invalidation>(Sent(kFirst).at(0)), nullptr);
}

// It has no cache that another filter could have filled.
TEST_F(SessionTest, AnObserverResumesUnderAnyFilter) {
  const Revision before = head_;
  Change();
  Hello hello = HelloFrom(1, before);
  hello.observer = true;
  Connect(kFirst, hello, ProjectFilter::Only({"default"}));
  const auto sent = Sent(kFirst);
  ASSERT_EQ(sent.size(), 2u);
  EXPECT_TRUE(As<Welcome>(sent[0])->resumed);
  EXPECT_EQ(As<Invalidation>(sent[1])->to_revision, head_);
}

TEST_F(SessionTest, WhoSaidThatItHasNoCacheMustFlushTheOneThatItHasAllTheSame) {
  const ProjectFilter filter = ProjectFilter::Only({"default"});
  Hello hello = HelloFrom(1, head_);
  hello.observer = true;
  Connect(kFirst, hello, filter);
  Connect(kSecond, HelloFrom(1, head_), filter);
  EXPECT_FALSE(As<Welcome>(Sent(kSecond).at(0))->resumed);
}

TEST_F(SessionTest, AVerifierThatBecomesAnObserverMustStillFlushForAnotherFilter) {
  ConnectWithLease(kFirst, 1, ProjectFilter::Only({"a"}));
  Hello hello = HelloFrom(1, head_);
  hello.observer = true;
  Connect(kSecond, hello, ProjectFilter::Only({"b"}));
  EXPECT_FALSE(As<Welcome>(Sent(kSecond).at(0))->resumed);
}

TEST_F(SessionTest, AcknowledgingWhatWasNeverSentEndsTheConnection) {
  ConnectWithLease(kFirst, 1);
  Beat(kFirst, Revision{head_.value + 1});
  const auto actions = hub_->TakeActions();
  ASSERT_EQ(actions.size(), 1u);
  const auto* close = std::get_if<CloseConnection>(&actions[0]);
  ASSERT_NE(close, nullptr);
  EXPECT_EQ(close->why, CloseReason::kProtocolError);
}

TEST_F(SessionTest, TheSameSessionOnANewConnectionReplacesTheOld) {
  ConnectWithLease(kFirst, 1);
  Connect(kSecond, HelloFrom(1, head_));
  const auto actions = hub_->TakeActions();
  ASSERT_FALSE(actions.empty());
  const auto* close = std::get_if<CloseConnection>(&actions[0]);
  ASSERT_NE(close, nullptr);
  EXPECT_EQ(close->connection, kFirst);
  EXPECT_EQ(close->why, CloseReason::kReplaced);
}

TEST_F(SessionTest, GoodbyesAreSpread) {
  ConnectWithLease(kFirst, 0);
  ConnectWithLease(kSecond, 128);
  hub_->SayGoAway(absl::Seconds(1), absl::Seconds(2));
  std::vector<absl::Duration> after;
  for (const HubAction& action : hub_->TakeActions()) {
    after.push_back(std::get<GoAway>(std::get<SendTo>(action).message).reconnect_after);
  }
  std::sort(after.begin(), after.end());
  EXPECT_EQ(after, (std::vector{absl::Seconds(1), absl::Seconds(2)}));
}

TEST_F(SessionTest, AVerifierIsToldOfTheFirstImportedKeyWithItsInvalidation) {
  Connect(kFirst, HelloFrom(1));
  EXPECT_FALSE(As<Welcome>(Sent(kFirst)[0])->imported_keys);
  Beat(kFirst, head_);
  hub_->TakeActions();
  Change();
  EXPECT_FALSE(As<Invalidation>(Sent(kFirst).at(0))->imported_keys);
  Beat(kFirst, head_);
  hub_->TakeActions();
  Import();
  const auto sent = Sent(kFirst);
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_TRUE(As<Invalidation>(sent[0])->imported_keys);
  EXPECT_EQ(As<Invalidation>(sent[0])->items.size(), 1u);
  Connect(kSecond, HelloFrom(2));
  EXPECT_TRUE(As<Welcome>(Sent(kSecond)[0])->imported_keys);
}

// It may be asked about that key, and must not say by itself that there is none.
TEST_F(SessionTest, AVerifierOfOtherProjectsIsToldOfTheFirstImportedKeyAndOfNoOther) {
  ConnectWithLease(kFirst, 1, ProjectFilter::Only({"web"}));
  const Revision before = head_;
  Import();
  auto sent = Sent(kFirst);
  ASSERT_EQ(sent.size(), 1u);
  const auto* invalidation = As<Invalidation>(sent[0]);
  ASSERT_NE(invalidation, nullptr);
  EXPECT_TRUE(invalidation->imported_keys);
  EXPECT_TRUE(invalidation->items.empty());
  EXPECT_EQ(invalidation->previous_revision, before);
  EXPECT_EQ(invalidation->to_revision, head_);
  Beat(kFirst, head_);
  hub_->TakeActions();
  Import();
  EXPECT_TRUE(Sent(kFirst).empty());
}

TEST_F(SessionTest, ANewProcessOfTheAuthorityTellsWhatTheStoreHas) {
  Restart({.imported_keys = true});
  Connect(kFirst, HelloFrom(1));
  EXPECT_TRUE(As<Welcome>(Sent(kFirst)[0])->imported_keys);
}

// A Reset says nothing of them, so that the verifier takes for granted that there are some.
TEST_F(SessionTest, AfterAResetAVerifierIsToldThatThereAreNone) {
  HubOptions options;
  options.ring_capacity = 2;
  Restart(options);
  ConnectWithLease(kFirst, 1);
  Change();
  const Revision first = head_;
  hub_->TakeActions();
  for (int i = 0; i < 5; ++i) Change();
  Beat(kFirst, first);
  auto sent = Sent(kFirst);
  ASSERT_FALSE(sent.empty());
  ASSERT_NE(As<Reset>(sent[0]), nullptr);
  Beat(kFirst, head_);
  hub_->TakeActions();
  Change();
  sent = Sent(kFirst);
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_FALSE(As<Invalidation>(sent[0])->imported_keys);
}

}  // namespace
}  // namespace claviger::sync
