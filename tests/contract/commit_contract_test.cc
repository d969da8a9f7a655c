// What a commit does, and what others see of it.
#include <algorithm>
#include <array>
#include <set>
#include <thread>

#include "absl/synchronization/mutex.h"
#include "core/status.h"
#include "tests/contract/key_store_contract.h"

namespace claviger {
namespace {

class CommitContractTest : public KeyStoreContract {};
INSTANTIATE_TEST_SUITE_P(Stores, CommitContractTest, EveryStore(), NameOfStore);

TEST_P(CommitContractTest, NewStoreIsEmptyAtRevisionZero) {
  EXPECT_EQ(store().applied_revision(), Revision{0});
  EXPECT_EQ(Key(1), nullptr);
  EXPECT_EQ(store().FindProject("default").value(), nullptr);
  EXPECT_EQ(store().highest_time_seen(), absl::InfinitePast());
  EXPECT_TRUE(store().health().writable.ok());
}

TEST_P(CommitContractTest, ReadSeesWhatWasCommitted) {
  const auto committed = Commit(Putting(TestKey(1)));
  ASSERT_TRUE(committed.ok()) << committed.status();
  EXPECT_TRUE(committed->changed);
  EXPECT_EQ(committed->revision, Revision{1});
  ASSERT_EQ(committed->keys.size(), 1u);
  EXPECT_EQ(committed->keys[0]->display_name, "key 1");
  EXPECT_EQ(committed->keys[0]->revision, Revision{1});

  ASSERT_NE(Key(1), nullptr);
  EXPECT_EQ(Key(1)->display_name, "key 1");
  EXPECT_EQ(Key(1)->revision, Revision{1});
  EXPECT_EQ(store().applied_revision(), Revision{1});
}

TEST_P(CommitContractTest, UpdateReplacesTheRecord) {
  ASSERT_TRUE(Commit(Putting(TestKey(1))).ok());
  KeyRecord changed = TestKey(1);
  changed.owner = "customer 7";
  ASSERT_TRUE(Commit(Putting(changed)).ok());
  EXPECT_EQ(Key(1)->owner, "customer 7");
  EXPECT_EQ(Key(1)->revision, Revision{2});
}

TEST_P(CommitContractTest, AKeyThatGoesForGoodLeavesNothingButItsHistory) {
  KeyRecord key = TestKey(1, "default");
  key.expire_time = clock_.Now() + absl::Hours(1);
  ASSERT_TRUE(Commit(Putting(key)).ok());
  key.delete_time = clock_.Now();
  ASSERT_TRUE(Commit(Putting(key)).ok());
  ChangeSet purge;
  purge.delete_keys = {key.id};
  const auto committed = Commit(Giving(purge));
  ASSERT_TRUE(committed.ok()) << committed.status();
  ASSERT_EQ(committed->deleted_keys.size(), 1u);
  EXPECT_EQ(committed->deleted_keys[0]->id, key.id);
  EXPECT_EQ(Key(1), nullptr);
  EXPECT_THAT(ScannedIds({.project_id = "default"}), testing::IsEmpty());
  EXPECT_FALSE(store().ProjectHasKeys("default").value());
  const auto stats = store().Stats(clock_.Now());
  ASSERT_TRUE(stats.ok());
  for (const auto& [state, count] : stats->keys) {
    EXPECT_EQ(count, 0u) << KeyStateName(state);
  }
  const auto events = store().ReadEvents(Revision{2}, 10);
  ASSERT_TRUE(events.ok());
  ASSERT_EQ(events->size(), 1u);
  ASSERT_EQ(events->front().keys.size(), 1u);
  EXPECT_EQ(events->front().keys.front().first, key.id);
}

TEST_P(CommitContractTest, AKeyThatIsNotDeletedCannotGoForGood) {
  ASSERT_TRUE(Commit(Putting(TestKey(1))).ok());
  ChangeSet purge;
  purge.delete_keys = {TestKeyId(1)};
  EXPECT_EQ(DetailsOf(Commit(Giving(purge)).status()).reason, Reason::kInternal);
  EXPECT_NE(Key(1), nullptr);
}

TEST_P(CommitContractTest, AnAuditEntryAloneTakesARevision) {
  ChangeSet refused;
  refused.only_audit = true;
  refused.audit.action = "RevokeKey";
  refused.audit.refusal = "PERMISSION_DENIED";
  const auto committed = Commit(Giving(refused));
  ASSERT_TRUE(committed.ok()) << committed.status();
  EXPECT_TRUE(committed->changed);
  EXPECT_EQ(store().applied_revision(), Revision{1});
}

TEST_P(CommitContractTest, VerifiersAreNotToldOfWhatIsNotTheirs) {
  ChangeSet unseen;
  unseen.put_keys = {TestKey(1)};
  unseen.unseen_by_verifiers = true;
  ASSERT_TRUE(Commit(Giving(unseen)).ok());
  const auto events = store().ReadEvents(Revision{0}, 10);
  ASSERT_TRUE(events.ok());
  ASSERT_EQ(events->size(), 1u);
  EXPECT_TRUE(events->front().keys.empty());
}

TEST_P(CommitContractTest, ProjectsComeAndGo) {
  ASSERT_TRUE(Commit(Putting(TestProject("a"))).ok());
  ASSERT_NE(store().FindProject("a").value(), nullptr);
  EXPECT_EQ(store().FindProject("a").value()->revision, Revision{1});
  ChangeSet removal;
  removal.delete_projects = {"a"};
  const auto committed = Commit(Giving(removal));
  ASSERT_TRUE(committed.ok());
  EXPECT_EQ(committed->deleted_projects, std::vector<std::string>{"a"});
  EXPECT_EQ(store().FindProject("a").value(), nullptr);
}

TEST_P(CommitContractTest, MutationSeesItsPredecessorsInTheBatch) {
  WriterGate gate(store());
  ChangeSet all;
  all.put_keys = {TestKey(1, "a")};
  all.put_projects = {TestProject("a"), TestProject("b")};
  all.put_request = RequestRecord{.id = "r", .expire_time = clock_.Now() + absl::Minutes(1)};
  all.put_canaries["p1"].bytes.fill(7);
  const PendingCommit first(store(), Giving(all));
  ChangeSet removal;
  removal.delete_projects = {"b"};
  const PendingCommit second(store(), Giving(removal));
  bool looked = false;
  const PendingCommit third(
      store(), [&, now = clock_.Now()](const StateReader& state) -> absl::StatusOr<ChangeSet> {
        looked = true;
        EXPECT_EQ(state.FindKey(TestKeyId(1)).value()->revision, Revision{1});
        EXPECT_NE(state.FindProject("a").value(), nullptr);
        EXPECT_EQ(state.FindProject("b").value(), nullptr);
        EXPECT_TRUE(state.ProjectHasKeys("a").value());
        EXPECT_FALSE(state.ProjectHasKeys("b").value());
        EXPECT_NE(state.FindRequest("r", now).value(), nullptr);
        EXPECT_EQ(state.FindRequest("r", now + absl::Minutes(1)).value(), nullptr);
        EXPECT_EQ(state.Canaries().value().count("p1"), 1u);
        return ChangeSet();
      });
  gate.Open();
  EXPECT_TRUE(first.Wait().ok());
  EXPECT_TRUE(second.Wait().ok());
  ASSERT_TRUE(third.Wait().ok());
  EXPECT_TRUE(looked);
  EXPECT_EQ(third.Wait()->revision, Revision{2});
}

TEST_P(CommitContractTest, NothingIsVisibleBeforeTheBatchIsWritten) {
  WriterGate gate(store());
  const PendingCommit put(store(), Putting(TestKey(1)));
  absl::Notification inside;
  absl::Notification looked;
  const PendingCommit blocker(store(), [&](const StateReader&) -> absl::StatusOr<ChangeSet> {
    inside.Notify();
    looked.WaitForNotification();
    return ChangeSet();
  });
  gate.Open();
  inside.WaitForNotification();
  EXPECT_EQ(Key(1), nullptr);
  EXPECT_EQ(store().applied_revision(), Revision{0});
  EXPECT_FALSE(put.done());
  looked.Notify();
  ASSERT_TRUE(put.Wait().ok());
  EXPECT_NE(Key(1), nullptr);
}

TEST_P(CommitContractTest, ErrorIsHandedOnAndWritesNothing) {
  WriterGate gate(store());
  const PendingCommit before(store(), Putting(TestKey(1)));
  const PendingCommit failing(store(), Failing(absl::AbortedError("stale")));
  const PendingCommit after(store(), Putting(TestKey(2)));
  gate.Open();
  EXPECT_EQ(failing.Wait().status(), absl::AbortedError("stale"));
  EXPECT_EQ(before.Wait().value().revision, Revision{1});
  EXPECT_EQ(after.Wait().value().revision, Revision{2});
  EXPECT_EQ(store().applied_revision(), Revision{2});
}

TEST_P(CommitContractTest, MutationWithoutChangesTakesNoRevision) {
  ASSERT_TRUE(Commit(Putting(TestKey(1))).ok());
  const auto committed = Commit(Giving({}));
  ASSERT_TRUE(committed.ok());
  EXPECT_FALSE(committed->changed);
  EXPECT_EQ(committed->revision, Revision{1});
  EXPECT_EQ(store().applied_revision(), Revision{1});
}

TEST_P(CommitContractTest, ImpossibleChangeIsRefusedAsADefect) {
  KeyRecord revoked = TestKey(1);
  revoked.revocation = Revocation{.time = clock_.Now()};
  ASSERT_TRUE(Commit(Putting(revoked)).ok());

  KeyRecord moved = revoked;
  moved.project_id = "other";
  KeyRecord redated = revoked;
  redated.create_time += absl::Seconds(1);
  ChangeSet twice;
  twice.put_keys = {TestKey(2), TestKey(2)};
  const std::pair<const char*, ChangeSet> cases[] = {
      {"a revoked key works again", {.put_keys = {TestKey(1)}}},
      {"a key moves to another project", {.put_keys = {moved}}},
      {"a key changes its create time", {.put_keys = {redated}}},
      {"a key twice in one mutation", twice},
  };
  for (const auto& [what, changes] : cases) {
    SCOPED_TRACE(what);
    const auto committed = Commit(Giving(changes));
    EXPECT_EQ(committed.status().code(), absl::StatusCode::kInternal);
    EXPECT_EQ(store().applied_revision(), Revision{1});
    EXPECT_TRUE(Key(1)->revocation.has_value());
  }
}

TEST_P(CommitContractTest, ConcurrentCommitsGetDenseRevisions) {
  constexpr int kThreads = 8;
  constexpr int kCommitsEach = 100;
  std::array<std::vector<uint64_t>, kThreads> seen;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([this, t, &seen] {
      for (int i = 0; i < kCommitsEach; ++i) {
        const auto committed = Commit(Putting(TestKey(t * kCommitsEach + i)));
        if (committed.ok()) seen[static_cast<size_t>(t)].push_back(committed->revision.value);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();

  std::set<uint64_t> revisions;
  for (const auto& own : seen) {
    EXPECT_TRUE(std::is_sorted(own.begin(), own.end()));
    revisions.insert(own.begin(), own.end());
  }
  ASSERT_EQ(revisions.size(), size_t{kThreads * kCommitsEach});
  EXPECT_EQ(*revisions.begin(), 1u);
  EXPECT_EQ(*revisions.rbegin(), uint64_t{kThreads * kCommitsEach});
  EXPECT_EQ(store().applied_revision().value, uint64_t{kThreads * kCommitsEach});
}

// Notes what it is told, and what the store says at that moment.
class RecordingListener final : public CommitListener {
 public:
  RecordingListener(std::string name, KeyStore& store, std::vector<std::string>& journal)
      : name_(std::move(name)), store_(store), journal_(journal) {}

  void OnCommitted(std::span<const Committed> batch) override {
    for (const Committed& change : batch) {
      journal_.push_back(fmt::format("{} hears {}", name_, change.revision.value));
      for (const auto& key : change.keys) {
        EXPECT_NE(store_.FindKey(key->id).value(), nullptr);
      }
    }
    EXPECT_LT(store_.applied_revision(), batch.front().revision);
  }

 private:
  const std::string name_;
  KeyStore& store_;
  std::vector<std::string>& journal_;  // the writer thread's until the test has waited for it
};

TEST_P(CommitContractTest, ListenersHearOfVisibleChangesInOrderBeforeTheCallers) {
  std::vector<std::string> journal;
  RecordingListener a("a", store(), journal);
  RecordingListener b("b", store(), journal);
  store().AddListener(&a);
  store().AddListener(&b);
  const auto note = [&journal](std::string text) {
    return
        [&journal, text = std::move(text)](absl::StatusOr<Committed>) { journal.push_back(text); };
  };
  {
    WriterGate gate(store());
    store().Commit(Putting(TestKey(1)), note("caller 1"));
    store().Commit(Giving({}), note("caller without changes"));
    store().Commit(Failing(absl::AbortedError("")), note("caller with an error"));
    store().Commit(Putting(TestKey(2)), note("caller 2"));
  }
  store().Close();
  EXPECT_THAT(journal,
              testing::ElementsAre("a hears 1", "a hears 2", "b hears 1", "b hears 2", "caller 1",
                                   "caller without changes", "caller with an error", "caller 2"));
}

TEST_P(CommitContractTest, OneMoreThanTheQueueHoldsIsRefusedAtOnce) {
  UseStoreWith({.commit = {.max_queued = 3}});
  WriterGate gate(store());
  std::vector<PendingCommit> waiting;
  for (int n = 1; n <= 3; ++n) waiting.emplace_back(store(), Putting(TestKey(n)));
  const PendingCommit refused(store(), Putting(TestKey(4)));
  ASSERT_TRUE(refused.done());
  const absl::Status status = refused.Wait().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(DetailsOf(status).reason, Reason::kOverloaded);
  EXPECT_TRUE(DetailsOf(status).retry_after.has_value());
  gate.Open();
  for (const PendingCommit& commit : waiting) EXPECT_TRUE(commit.Wait().ok());
  EXPECT_EQ(Key(4), nullptr);
  EXPECT_TRUE(Commit(Putting(TestKey(4))).ok());
}

TEST_P(CommitContractTest, WhatWaitsIsWrittenInBatchesOfBoundedSize) {
  std::vector<size_t> batches;
  UseStoreWith({.commit = {.max_batch = 4, .observer = [&batches](const BatchStats& stats) {
                             batches.push_back(stats.mutations);
                           }}});
  {
    WriterGate gate(store());
    for (int n = 1; n <= 10; ++n) store().Commit(Putting(TestKey(n)), [](auto) {});
  }
  store().Close();
  EXPECT_THAT(batches, testing::ElementsAre(4u, 4u, 2u));
}

TEST_P(CommitContractTest, HighestTimeSeenNeverGoesBack) {
  const absl::Time first = clock_.Now();
  ASSERT_TRUE(Commit(Putting(TestKey(1))).ok());
  EXPECT_EQ(store().highest_time_seen(), first);
  clock_.SetNow(first - absl::Hours(24));
  ASSERT_TRUE(Commit(Putting(TestKey(2))).ok());
  EXPECT_EQ(store().highest_time_seen(), first);
  clock_.SetNow(first + absl::Hours(1));
  ASSERT_TRUE(Commit(Putting(TestKey(3))).ok());
  EXPECT_EQ(store().highest_time_seen(), first + absl::Hours(1));
}

TEST_P(CommitContractTest, EachStoreHasAnEpochOfItsOwn) {
  const Epoch first = store().epoch();
  EXPECT_EQ(store().epoch(), first);
  UseStoreWith({});
  EXPECT_NE(store().epoch(), first);
}

TEST_P(CommitContractTest, CloseFinishesWhatIsQueuedAndRefusesWhatComesLater) {
  std::vector<PendingCommit> queued;
  {
    WriterGate gate(store());
    for (int n = 1; n <= 5; ++n) queued.emplace_back(store(), Putting(TestKey(n)));
  }
  store().Close();
  for (const PendingCommit& commit : queued) {
    ASSERT_TRUE(commit.done());
    EXPECT_TRUE(commit.Wait().ok());
  }
  const PendingCommit late(store(), Putting(TestKey(6)));
  ASSERT_TRUE(late.done());
  EXPECT_EQ(late.Wait().status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(DetailsOf(late.Wait().status()).reason, Reason::kShuttingDown);
  store().Close();
  EXPECT_NE(Key(5), nullptr) << "reads go on after Close";
}

TEST_P(CommitContractTest, OnlyRevokedKeysAreWrittenInADeletedProject) {
  ProjectRecord project = TestProject("a");
  ASSERT_TRUE(Commit(Putting(project)).ok());
  ASSERT_TRUE(Commit(Putting(TestKey(1, "a"))).ok());
  project.delete_time = clock_.Now();
  {
    // Queued behind the deletion, in one batch with it.
    WriterGate gate(store());
    const PendingCommit deletion(store(), Putting(project));
    const PendingCommit issue(store(), Putting(TestKey(2, "a")));
    gate.Open();
    EXPECT_TRUE(deletion.Wait().ok());
    EXPECT_TRUE(absl::IsNotFound(issue.Wait().status())) << issue.Wait().status();
  }
  EXPECT_EQ(Key(2), nullptr);
  KeyRecord changed = TestKey(1, "a");
  changed.display_name = "changed";
  EXPECT_EQ(DetailsOf(Commit(Putting(changed)).status()).reason, Reason::kProjectNotFound);
  changed.revocation = Revocation{.time = clock_.Now(), .note = {}};
  EXPECT_TRUE(Commit(Putting(changed)).ok());
}

}  // namespace
}  // namespace claviger
