// The audit log.
#include "core/audit_chain.h"
#include "tests/contract/key_store_contract.h"

namespace claviger {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class AuditContractTest : public KeyStoreContract {
 protected:
  void PutKeys(int from, int to) {
    for (int n = from; n <= to; ++n) ASSERT_TRUE(Commit(Putting(TestKey(n))).ok());
  }
  static std::vector<uint64_t> Revisions(const absl::StatusOr<std::vector<AuditEntry>>& entries) {
    std::vector<uint64_t> revisions;
    EXPECT_TRUE(entries.ok()) << entries.status();
    if (!entries.ok()) return revisions;
    for (const AuditEntry& entry : *entries) revisions.push_back(entry.revision.value);
    return revisions;
  }
  std::vector<uint64_t> Forwards(uint64_t after, size_t limit) {
    return Revisions(store().ReadAudit(Revision{after}, limit));
  }
  std::vector<uint64_t> Backwards(uint64_t before, size_t limit) {
    return Revisions(store().ReadAuditBackwards(Revision{before}, limit));
  }
};
INSTANTIATE_TEST_SUITE_P(Stores, AuditContractTest, EveryStore(), NameOfStore);

TEST_P(AuditContractTest, AnEmptyLogHasNoEnd) {
  EXPECT_EQ(store().ReadAuditHead().value(), AuditHead());
  EXPECT_THAT(Forwards(0, 10), IsEmpty());
  EXPECT_THAT(Backwards(10, 10), IsEmpty());
}

TEST_P(AuditContractTest, AnEntrySaysWhatWasCommitted) {
  ChangeSet changes;
  changes.put_keys = {TestKey(1)};
  changes.audit = {.actor = "key:00AA",
                   .peer = "10.0.0.1",
                   .action = "IssueKey",
                   .project_id = "default",
                   .key_id = TestKeyId(1).ToString(),
                   .detail = "a key",
                   .refusal = ""};
  ASSERT_TRUE(Commit(Giving(changes)).ok());
  const auto entries = store().ReadAudit(Revision{0}, 10).value();
  ASSERT_EQ(entries.size(), 1u);
  EXPECT_EQ(entries[0].revision, Revision{1});
  EXPECT_EQ(entries[0].time, clock_.Now());
  EXPECT_EQ(entries[0].draft.actor, "key:00AA");
  EXPECT_EQ(entries[0].draft.peer, "10.0.0.1");
  EXPECT_EQ(entries[0].draft.action, "IssueKey");
  EXPECT_EQ(entries[0].draft.project_id, "default");
  EXPECT_EQ(entries[0].draft.key_id, TestKeyId(1).ToString());
  EXPECT_EQ(entries[0].draft.detail, "a key");
  EXPECT_EQ(entries[0].previous_hash, Sha256Bytes());
}

TEST_P(AuditContractTest, ARefusedCallIsAnEntryAndNothingElse) {
  ChangeSet refused;
  refused.only_audit = true;
  refused.audit.action = "RevokeKey";
  refused.audit.refusal = "PERMISSION_DENIED";
  const auto committed = Commit(Giving(refused));
  ASSERT_TRUE(committed.ok()) << committed.status();
  EXPECT_TRUE(committed->only_audit);
  const auto entries = store().ReadAudit(Revision{0}, 10).value();
  ASSERT_EQ(entries.size(), 1u);
  EXPECT_EQ(entries[0].draft.refusal, "PERMISSION_DENIED");
  EXPECT_FALSE(Commit(Putting(TestKey(1)))->only_audit);
}

TEST_P(AuditContractTest, WhatChangesNothingLeavesNoEntry) {
  ASSERT_TRUE(Commit(Giving(ChangeSet())).ok());
  EXPECT_FALSE(Commit(Failing(absl::AbortedError("no"))).ok());
  EXPECT_THAT(Forwards(0, 10), IsEmpty());
}

TEST_P(AuditContractTest, ForwardsBehindARevision) {
  PutKeys(1, 5);
  EXPECT_THAT(Forwards(0, 10), ElementsAre(1, 2, 3, 4, 5));
  EXPECT_THAT(Forwards(3, 10), ElementsAre(4, 5));
  EXPECT_THAT(Forwards(1, 2), ElementsAre(2, 3));
  EXPECT_THAT(Forwards(1, 0), IsEmpty());
  EXPECT_THAT(Forwards(5, 10), IsEmpty());
  EXPECT_THAT(Forwards(UINT64_MAX, 10), IsEmpty());
}

TEST_P(AuditContractTest, BackwardsBeforeARevision) {
  PutKeys(1, 5);
  EXPECT_THAT(Backwards(UINT64_MAX, 10), ElementsAre(5, 4, 3, 2, 1));
  EXPECT_THAT(Backwards(6, 2), ElementsAre(5, 4));
  EXPECT_THAT(Backwards(3, 10), ElementsAre(2, 1));
  EXPECT_THAT(Backwards(3, 0), IsEmpty());
  EXPECT_THAT(Backwards(1, 10), IsEmpty());
  EXPECT_THAT(Backwards(0, 10), IsEmpty());
}

TEST_P(AuditContractTest, EntriesOfOneBatchAreChainedToo) {
  std::vector<PendingCommit> commits;
  {
    WriterGate gate(store());
    for (int n = 1; n <= 20; ++n) commits.emplace_back(store(), Putting(TestKey(n)));
  }
  for (const PendingCommit& commit : commits) ASSERT_TRUE(commit.Wait().ok());
  AuditChain chain;
  const auto entries = store().ReadAudit(Revision{0}, 100).value();
  for (const AuditEntry& entry : entries) {
    chain.Add(entry, HashAuditEntry(entry));
  }
  EXPECT_FALSE(chain.FaultAgainst(store().ReadAuditHead().value()).has_value());
  EXPECT_EQ(chain.head().revision, Revision{20});
}

}  // namespace
}  // namespace claviger
