// Events, remembered requests, canaries and counts.
#include "tests/contract/key_store_contract.h"

namespace claviger {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;
using testing::UnorderedElementsAre;

class HistoryContractTest : public KeyStoreContract {
 protected:
  void PutKeys(int from, int to) {
    for (int n = from; n <= to; ++n) ASSERT_TRUE(Commit(Putting(TestKey(n))).ok());
  }

  std::vector<uint64_t> EventRevisions(uint64_t after, size_t limit = 100) {
    std::vector<uint64_t> revisions;
    const auto events = store().ReadEvents(Revision{after}, limit);
    EXPECT_TRUE(events.ok()) << events.status();
    if (events.ok()) {
      for (const Event& event : *events) revisions.push_back(event.revision.value);
    }
    return revisions;
  }

  void Remember(const std::string& id, absl::Time expire_time) {
    ChangeSet changes;
    RequestRecord request{.id = id, .key_id = TestKeyId(9), .expire_time = expire_time};
    request.arguments_hash.fill(5);
    request.pepper_id = "p1";
    request.sealed_secret = "sealed";
    changes.put_request = request;
    ASSERT_TRUE(Commit(Giving(changes)).ok());
  }

  std::map<KeyState, uint64_t> Counts(absl::Time now) { return store().Stats(now).value().keys; }
};
INSTANTIATE_TEST_SUITE_P(Stores, HistoryContractTest, EveryStore(), NameOfStore);

TEST_P(HistoryContractTest, EventNamesWhatTheRevisionChanged) {
  ChangeSet changes;
  changes.put_keys = {TestKey(1, "a"), TestKey(2, "b")};
  changes.put_projects = {TestProject("c")};
  changes.delete_projects = {"d"};
  ASSERT_TRUE(Commit(Giving(changes)).ok());
  const auto events = store().ReadEvents(Revision{0}, 10).value();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].revision, Revision{1});
  EXPECT_THAT(events[0].keys, ElementsAre(Pair(TestKeyId(1), "a"), Pair(TestKeyId(2), "b")));
  EXPECT_THAT(events[0].projects, UnorderedElementsAre("c", "d"));
}

TEST_P(HistoryContractTest, KeysAreCountedByThePepperThatTheyNeed) {
  const auto by_pepper = [this] { return store().Stats(clock_.Now()).value().keys_by_pepper; };
  EXPECT_THAT(by_pepper(), IsEmpty());
  PutKeys(1, 3);
  EXPECT_THAT(by_pepper(), UnorderedElementsAre(Pair("p1", 3)));

  // Another digest of the same key.
  KeyRecord key = TestKey(1);
  key.pepper_id = "p2";
  ASSERT_TRUE(Commit(Putting(key)).ok());
  EXPECT_THAT(by_pepper(), UnorderedElementsAre(Pair("p1", 2), Pair("p2", 1)));

  // Disabled keys may come back; revoked and deleted ones do not.
  key = TestKey(2);
  key.disabled = true;
  ASSERT_TRUE(Commit(Putting(key)).ok());
  EXPECT_THAT(by_pepper(), UnorderedElementsAre(Pair("p1", 2), Pair("p2", 1)));
  key.revocation = Revocation{.time = clock_.Now()};
  ASSERT_TRUE(Commit(Putting(key)).ok());
  EXPECT_THAT(by_pepper(), UnorderedElementsAre(Pair("p1", 1), Pair("p2", 1)));
  key = TestKey(3);
  key.delete_time = clock_.Now();
  ASSERT_TRUE(Commit(Putting(key)).ok());
  EXPECT_THAT(by_pepper(), UnorderedElementsAre(Pair("p2", 1)));
  ChangeSet purge;
  purge.delete_keys = {TestKeyId(3)};
  ASSERT_TRUE(Commit(Giving(purge)).ok());
  EXPECT_THAT(by_pepper(), UnorderedElementsAre(Pair("p2", 1)));
}

TEST_P(HistoryContractTest, RequestsAreCountedByPepperUntilTheyExpire) {
  const absl::Time expiry = clock_.Now() + absl::Minutes(10);
  EXPECT_THAT(store().RequestsByPepper(clock_.Now()).value(), IsEmpty());
  Remember("r1", expiry);
  Remember("r2", expiry + absl::Minutes(1));
  EXPECT_THAT(store().RequestsByPepper(clock_.Now()).value(), UnorderedElementsAre(Pair("p1", 2)));
  EXPECT_THAT(store().RequestsByPepper(expiry).value(), UnorderedElementsAre(Pair("p1", 1)));
  EXPECT_THAT(store().RequestsByPepper(expiry + absl::Minutes(1)).value(), IsEmpty());
}

TEST_P(HistoryContractTest, ACanaryGoesWithItsPepper) {
  ChangeSet changes;
  changes.put_canaries["p1"].bytes.fill(1);
  changes.put_canaries["p2"].bytes.fill(2);
  ASSERT_TRUE(Commit(Giving(changes)).ok());
  ChangeSet removal;
  removal.delete_canaries = {"p1"};
  // What is to be written next sees it gone, in the same batch too.
  WriterGate gate(store());
  const PendingCommit removed(store(), Giving(removal));
  std::map<std::string, KeyDigest> seen;
  const PendingCommit after(store(), [&](const StateReader& state) -> absl::StatusOr<ChangeSet> {
    seen = state.Canaries().value();
    return ChangeSet{};
  });
  gate.Open();
  ASSERT_TRUE(removed.Wait().ok());
  ASSERT_TRUE(after.Wait().ok());
  ASSERT_EQ(seen.size(), 1u);
  EXPECT_EQ(seen.begin()->first, "p2");
  EXPECT_EQ(store().Canaries().value().size(), 1u);
}

TEST_P(HistoryContractTest, EventsAreResumedBehindARevision) {
  PutKeys(1, 5);
  EXPECT_THAT(EventRevisions(0), ElementsAre(1, 2, 3, 4, 5));
  EXPECT_THAT(EventRevisions(3), ElementsAre(4, 5));
  EXPECT_THAT(EventRevisions(1, 2), ElementsAre(2, 3));
  EXPECT_THAT(EventRevisions(5), IsEmpty());
  EXPECT_THAT(EventRevisions(77), IsEmpty());
}

TEST_P(HistoryContractTest, TrimmedEventsAreOutOfRange) {
  UseStoreWith({.event_retention = 3});
  PutKeys(1, 10);
  EXPECT_THAT(EventRevisions(7), ElementsAre(8, 9, 10));
  EXPECT_EQ(store().ReadEvents(Revision{6}, 10).status().code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(store().ReadEvents(Revision{0}, 10).status().code(), absl::StatusCode::kOutOfRange);
}

TEST_P(HistoryContractTest, RequestIsRememberedUntilItExpires) {
  const absl::Time expiry = clock_.Now() + absl::Minutes(10);
  Remember("r1", expiry);
  const auto found = store().FindRequest("r1", expiry - absl::Nanoseconds(1)).value();
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->key_id, TestKeyId(9));
  EXPECT_EQ(found->arguments_hash[0], 5);
  EXPECT_EQ(found->pepper_id, "p1");
  EXPECT_EQ(found->sealed_secret, "sealed");
  EXPECT_EQ(found->expire_time, expiry);
  EXPECT_EQ(store().FindRequest("r1", expiry).value(), nullptr);
  EXPECT_EQ(store().FindRequest("r2", clock_.Now()).value(), nullptr);
}

TEST_P(HistoryContractTest, ExpiredRequestCanBeMadeAnew) {
  Remember("r1", clock_.Now() + absl::Minutes(10));
  clock_.Advance(absl::Minutes(10));
  EXPECT_EQ(store().FindRequest("r1", clock_.Now()).value(), nullptr);
  Remember("r1", clock_.Now() + absl::Minutes(10));
  EXPECT_NE(store().FindRequest("r1", clock_.Now()).value(), nullptr);
}

TEST_P(HistoryContractTest, CanariesAreKeptByPepper) {
  EXPECT_THAT(store().Canaries().value(), IsEmpty());
  ChangeSet changes;
  changes.put_canaries["p1"].bytes.fill(1);
  changes.put_canaries["p2"].bytes.fill(2);
  ASSERT_TRUE(Commit(Giving(changes)).ok());
  const auto canaries = store().Canaries().value();
  ASSERT_EQ(canaries.size(), 2u);
  EXPECT_EQ(canaries.at("p1").bytes[31], 1);
  EXPECT_EQ(canaries.at("p2").bytes[31], 2);
}

TEST_P(HistoryContractTest, StatsOfAnEmptyStoreNameEveryState) {
  EXPECT_THAT(Counts(clock_.Now()),
              UnorderedElementsAre(Pair(KeyState::kActive, 0), Pair(KeyState::kDisabled, 0),
                                   Pair(KeyState::kExpired, 0), Pair(KeyState::kRevoked, 0),
                                   Pair(KeyState::kDeleted, 0)));
}

TEST_P(HistoryContractTest, StatsCountKeysByStateAtTheTimeAskedFor) {
  const absl::Time now = clock_.Now();
  KeyRecord forever = TestKey(1);
  KeyRecord expiring = TestKey(2);
  expiring.expire_time = now + absl::Hours(1);
  KeyRecord disabled_expiring = TestKey(3);
  disabled_expiring.disabled = true;
  disabled_expiring.expire_time = now + absl::Hours(2);
  KeyRecord revoked = TestKey(4);
  revoked.revocation = Revocation{.time = now};
  revoked.expire_time = now + absl::Hours(1);
  KeyRecord deleted = revoked;
  deleted.id = TestKeyId(5);
  deleted.delete_time = now;
  for (const KeyRecord& key : {forever, expiring, disabled_expiring, revoked, deleted}) {
    ASSERT_TRUE(Commit(Putting(key)).ok());
  }
  const auto counts = [this](absl::Time time) {
    const auto by_state = Counts(time);
    return std::vector<uint64_t>{by_state.at(KeyState::kActive), by_state.at(KeyState::kDisabled),
                                 by_state.at(KeyState::kExpired), by_state.at(KeyState::kRevoked),
                                 by_state.at(KeyState::kDeleted)};
  };
  EXPECT_THAT(counts(now), ElementsAre(2, 1, 0, 1, 1));
  EXPECT_THAT(counts(now + absl::Hours(1) - absl::Nanoseconds(1)), ElementsAre(2, 1, 0, 1, 1));
  EXPECT_THAT(counts(now + absl::Hours(1)), ElementsAre(1, 1, 1, 1, 1));
  EXPECT_THAT(counts(now + absl::Hours(2)), ElementsAre(1, 0, 2, 1, 1));

  expiring.expire_time = now + absl::Hours(50);
  ASSERT_TRUE(Commit(Putting(expiring)).ok());
  EXPECT_THAT(counts(now + absl::Hours(2)), ElementsAre(2, 0, 1, 1, 1)) << "expiry was extended";
  disabled_expiring.disabled = false;
  ASSERT_TRUE(Commit(Putting(disabled_expiring)).ok());
  EXPECT_THAT(counts(now), ElementsAre(3, 0, 0, 1, 1)) << "key 3 was enabled";
  expiring.revocation = Revocation{.time = now};
  ASSERT_TRUE(Commit(Putting(expiring)).ok());
  EXPECT_THAT(counts(now + absl::Hours(60)), ElementsAre(1, 0, 1, 2, 1)) << "key 2 was revoked";
}

}  // namespace
}  // namespace claviger
