#include "server/rpc/usage_report.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/synchronization/notification.h"
#include "core/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "storage/memory/memory_store.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_random.h"
#include "tests/support/store_testing.h"
#include "tests/unit/server/verify/blocking_store.h"

namespace claviger {
namespace {

using ::testing::SizeIs;

class IgnoreLookups final : public VerifyObserver {
 public:
  void OnRecordLookup(bool) override {}
};

class UsageReportsTest : public ::testing::Test {
 protected:
  UsageReportsTest() { EXPECT_TRUE(CommitAndWait(*memory_, Putting(TestKey(1))).ok()); }
  ~UsageReportsTest() override {
    if (!may_read_.HasBeenNotified()) may_read_.Notify();
    reports_.reset();
    memory_->Close();
  }

  static Caller Service() {
    KeyRecord key = TestKey(9999, kManagementProject);
    key.scopes = ScopeSet::FromTrusted({"keys.verify"});
    return Caller::FromKey(std::make_shared<const KeyRecord>(std::move(key)), "");
  }
  // On `keys` keys, of which key number 1 is one and the others are not there.
  static UsageReports::Reports ReportOn(int keys, uint64_t valid) {
    UsageReports::Reports reports;
    for (int n = 1; n <= keys; ++n) {
      v1::KeyUsage& report = *reports.Add();
      report.set_key_id(TestKeyId(n).ToString());
      report.set_valid_count(valid);
    }
    return reports;
  }
  // When every report that was taken is handed over.
  std::vector<RecordedUse> Counted() {
    reports_.reset();
    return usage_.TakeAll();
  }

  FakeClock clock_;
  FakeRandom random_;
  PepperSet peppers_ = *PepperSet::Parse(*PepperSet::GenerateLine("p1", random_));
  std::unique_ptr<MemoryStore> memory_ =
      *MemoryStore::Create({.clock = &clock_, .random = &random_, .commit = {}});
  BlockingStore store_{*memory_};
  IgnoreLookups lookups_;
  RecordCache cache_{store_, 0};  // hears of no commit, and so has nothing: every key is read
  Verifier verifier_{cache_, peppers_, clock_, lookups_};
  UsageRecorder usage_;
  absl::Notification may_read_;
  std::optional<UsageReports> reports_{std::in_place, verifier_, usage_, clock_};
};

TEST_F(UsageReportsTest, WhatIsTakenIsCountedAsOfThen) {
  const absl::Time now = clock_.Now();
  v1::KeyUsage report = ReportOn(1, 3)[0];
  report.mutable_last_used_ago()->set_seconds(0);
  UsageReports::Reports reports;
  *reports.Add() = report;
  store_.AfterFindKey([&] { may_read_.WaitForNotification(); });
  ASSERT_TRUE(reports_->Take(Service(), reports).ok());
  clock_.Advance(absl::Hours(5));
  may_read_.Notify();
  const std::vector<RecordedUse> counted = Counted();
  ASSERT_THAT(counted, SizeIs(1));
  EXPECT_EQ(counted[0].delta.counts.valid(), 3u);
  EXPECT_EQ(counted[0].delta.hour, HourOf(now));
  EXPECT_EQ(counted[0].delta.last_use->time, now);
  EXPECT_EQ(usage_.dropped(), 0u);
}

// The reads were made on the thread that took the report: one of gRPC's.
TEST_F(UsageReportsTest, AStoreThatHangsKeepsNobodyWaitingAndCostsBoundedMemory) {
  constexpr int kReports =
      static_cast<int>(UsageReports::kMaxWaitingKeys) / UsageReports::kMaxKeysOfReport;
  store_.AfterFindKey([&] { may_read_.WaitForNotification(); });
  for (int i = 0; i < kReports; ++i) {
    ASSERT_TRUE(reports_->Take(Service(), ReportOn(UsageReports::kMaxKeysOfReport, 1)).ok());
  }
  EXPECT_EQ(usage_.dropped(), 0u);
  ASSERT_TRUE(reports_->Take(Service(), ReportOn(2, 7)).ok()) << "no reason to end the stream";
  EXPECT_EQ(usage_.dropped(), 14u);
  may_read_.Notify();
  const std::vector<RecordedUse> counted = Counted();
  ASSERT_THAT(counted, SizeIs(1));
  EXPECT_EQ(counted[0].delta.counts.valid(), static_cast<uint64_t>(kReports));
}

TEST_F(UsageReportsTest, AReportOnTooManyKeysIsRefusedAsAWhole) {
  const absl::Status refused =
      reports_->Take(Service(), ReportOn(UsageReports::kMaxKeysOfReport + 1, 1));
  EXPECT_EQ(refused.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(Counted(), SizeIs(0));
}

}  // namespace
}  // namespace claviger
