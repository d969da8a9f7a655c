#include "server/audit/refusal_recorder.h"

#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/audit/entry_counter.h"
#include "storage/memory/memory_store.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_random.h"
#include "tests/support/store_testing.h"

namespace claviger {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

class RefusalRecorderTest : public ::testing::Test {
 protected:
  RefusalRecorderTest() { store_->AddListener(&counter_); }

  static AuditDraft Refused(const std::string& key_id, const std::string& project_id) {
    return {.actor = "unknown",
            .peer = "10.0.0.1",
            .action = "RevokeKey",
            .project_id = project_id,
            .key_id = key_id,
            .detail = "",
            .refusal = "CREDENTIAL_MISSING"};
  }
  // How many of `calls` are recorded.
  int Refuse(int calls) {
    int recorded = 0;
    for (int i = 0; i < calls; ++i) {
      if (!recorder_.Admit()) continue;
      recorder_.Record(Refused("", ""));
      ++recorded;
    }
    return recorded;
  }
  // The log, once everything that was queued is in it.
  std::vector<AuditEntry> Entries() {
    CommitAndWait(*store_, Giving(ChangeSet())).IgnoreError();
    return store_->ReadAudit(Revision{0}, 1000).value();
  }
  std::string Counted(const std::string& name, const std::string& label) const {
    for (const auto& family : metrics_.Collect()) {
      if (family.name != name) continue;
      for (const auto& metric : family.metric) {
        if (metric.label.empty() || metric.label[0].value == label) {
          return std::to_string(static_cast<int>(metric.counter.value));
        }
      }
    }
    return "none";
  }

  FakeClock clock_;
  FakeRandom random_;
  AuditMetrics metrics_;
  AuditEntryCounter counter_{metrics_};
  std::unique_ptr<MemoryStore> store_ =
      MemoryStore::Create({.clock = &clock_, .random = &random_}).value();
  RefusalRecorder recorder_{*store_, clock_, metrics_, {.burst = 5, .interval = absl::Seconds(2)}};
};

TEST_F(RefusalRecorderTest, AnEntrySaysWhatWasRefused) {
  ASSERT_TRUE(recorder_.Admit());
  recorder_.Record(Refused("", "acme"));
  const auto entries = Entries();
  ASSERT_THAT(entries, SizeIs(1));
  EXPECT_EQ(entries[0].draft.actor, "unknown");
  EXPECT_EQ(entries[0].draft.peer, "10.0.0.1");
  EXPECT_EQ(entries[0].draft.action, "RevokeKey");
  EXPECT_EQ(entries[0].draft.project_id, "acme");
  EXPECT_EQ(entries[0].draft.refusal, "CREDENTIAL_MISSING");
  EXPECT_EQ(Counted("claviger_audit_entries_total", "refusal"), "1");
  EXPECT_EQ(Counted("claviger_audit_entries_total", "change"), "0");
}

TEST_F(RefusalRecorderTest, AKnownKeysProjectStandsInIt) {
  ASSERT_TRUE(CommitAndWait(*store_, Putting(TestKey(1, "shop"))).ok());
  ASSERT_TRUE(recorder_.Admit() && recorder_.Admit() && recorder_.Admit());
  recorder_.Record(Refused(TestKeyId(1).ToString(), ""));
  recorder_.Record(Refused(TestKeyId(1).ToString(), "acme"));
  recorder_.Record(Refused(TestKeyId(2).ToString(), "acme"));
  const auto entries = Entries();
  ASSERT_THAT(entries, SizeIs(4));
  EXPECT_EQ(entries[1].draft.project_id, "shop");
  EXPECT_EQ(entries[2].draft.project_id, "shop") << "whatever the caller named";
  EXPECT_EQ(entries[3].draft.project_id, "acme");
  EXPECT_EQ(Counted("claviger_audit_entries_total", "change"), "1");
}

TEST_F(RefusalRecorderTest, SoManyAtOnceAndThenOneInEachInterval) {
  EXPECT_EQ(Refuse(20), 5);
  clock_.Advance(absl::Milliseconds(1999));
  EXPECT_EQ(Refuse(1), 0);
  clock_.Advance(absl::Milliseconds(1));
  EXPECT_EQ(Refuse(2), 1);
  clock_.Advance(absl::Seconds(5));
  EXPECT_EQ(Refuse(20), 2);
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(Refuse(20), 1) << "the half interval of before counts";
  clock_.Advance(absl::Hours(10));
  EXPECT_EQ(Refuse(20), 5) << "no more than that are saved up";
  EXPECT_EQ(Counted("claviger_audit_refusals_left_out_total", ""), "69");
}

TEST_F(RefusalRecorderTest, OneEntrySaysHowManyWereLeftOut) {
  recorder_.RecordLeftOut();
  EXPECT_THAT(Entries(), IsEmpty());
  Refuse(12);
  recorder_.RecordLeftOut();
  recorder_.RecordLeftOut();
  const auto entries = Entries();
  ASSERT_THAT(entries, SizeIs(6));
  EXPECT_EQ(entries[5].draft.actor, "system");
  EXPECT_EQ(entries[5].draft.action, kLeftOutAction);
  EXPECT_EQ(entries[5].draft.detail, "7 refused calls were left out: too many came at once");
  EXPECT_EQ(entries[5].draft.refusal, "OVERLOADED");
}

TEST_F(RefusalRecorderTest, WhatTheStoreDoesNotTakeIsCounted) {
  store_->Close();
  ASSERT_TRUE(recorder_.Admit());
  recorder_.Record(Refused("", ""));
  EXPECT_EQ(Counted("claviger_audit_entries_total", "failed"), "1");
  EXPECT_EQ(Counted("claviger_audit_entries_total", "refusal"), "0");
}

TEST_F(RefusalRecorderTest, VerifiersHearNothingOfIt) {
  ASSERT_TRUE(recorder_.Admit());
  recorder_.Record(Refused("", "acme"));
  Entries();
  const auto events = store_->ReadEvents(Revision{0}, 10).value();
  ASSERT_THAT(events, SizeIs(1));
  EXPECT_TRUE(events[0].keys.empty() && events[0].projects.empty());
}

}  // namespace
}  // namespace claviger
