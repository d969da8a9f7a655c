// What verifiers report of the checks that their caches answered.
#include <limits>
#include <optional>

#include "tests/integration/usage_test.h"
#include "tests/support/test_verifier.h"

namespace claviger {
namespace {

using ::testing::HasSubstr;

class UsageReportTest : public UsageTest {
 protected:
  v1::KeyUsage ReportOn(const std::string& key_id, uint64_t valid = 1) {
    v1::KeyUsage usage;
    usage.set_key_id(key_id);
    usage.set_valid_count(valid);
    return usage;
  }

  // As a verifier that shows `key`; what it said is in the store afterwards.
  void Report(const std::string& key, const std::vector<v1::KeyUsage>& usage) {
    {
      TestVerifier verifier(server_.NewChannel(grpc::InsecureChannelCredentials()), key);
      const std::optional<v1::SyncWelcome> welcome = verifier.SayHello();
      ASSERT_TRUE(welcome.has_value());
      ASSERT_TRUE(verifier.Report(welcome->head_revision(), usage));
      EXPECT_THAT(verifier.Leave(), IsOk());
    }
    Flush();
  }
};

TEST_F(UsageReportTest, ReportsAreCountedAsChecks) {
  const std::string key_id = Issue().info().key_id();
  const IssuedKey service = IssueManagementKey({"keys.verify"});
  server_.clock().Advance(absl::Minutes(1));
  v1::KeyUsage usage = ReportOn(key_id, 10);
  usage.set_insufficient_scope_count(3);
  usage.set_address_not_allowed_count(2);
  usage.set_other_denied_count(1);
  SetDuration(absl::Seconds(4), usage.mutable_last_used_ago());
  usage.set_last_used_address("192.0.2.44");
  Report(service.key(), {usage});
  const v1::GetUsageResponse told = UsageOfKey(key_id);
  EXPECT_EQ(ToTotals(told.totals()), (Totals{{v1::VERIFY_CODE_VALID, 10},
                                             {v1::VERIFY_CODE_INSUFFICIENT_SCOPE, 3},
                                             {v1::VERIFY_CODE_ADDRESS_NOT_ALLOWED, 2},
                                             {v1::VERIFY_CODE_NOT_FOUND, 1}}));
  EXPECT_EQ(ToTime(told.last_used_time()), server_.clock().Now() - absl::Seconds(4));
  EXPECT_EQ(told.last_used_address(), "192.0.2.44");
  EXPECT_EQ(told.last_used_by(), "key:" + service.info().key_id());
}

TEST_F(UsageReportTest, WhatACallerMayNotVerifyItDoesNotCount) {
  MakeProject("aaa");
  MakeProject("bbb");
  const std::string ours = Issue("aaa").info().key_id();
  const std::string foreign = Issue("bbb").info().key_id();
  const IssuedKey service = IssueManagementKey({"keys.verify"}, {"aaa"});
  Report(service.key(),
         {ReportOn(foreign), ReportOn("00nosuchkey00000"), ReportOn("no id"), ReportOn(ours)});
  EXPECT_EQ(TotalsOf(foreign), Totals{});
  EXPECT_EQ(TotalsOf(ours), (Totals{{v1::VERIFY_CODE_VALID, 1}}));
}

TEST_F(UsageReportTest, AbsurdCountsAndTimesAreCut) {
  const IssuedKey key = Issue();
  const absl::Time issued = server_.clock().Now();
  server_.clock().Advance(absl::Minutes(1));
  v1::KeyUsage future = ReportOn(key.info().key_id(), std::numeric_limits<uint64_t>::max());
  SetDuration(absl::Hours(-5), future.mutable_last_used_ago());
  future.set_last_used_address("\x1b[2J");
  Report(server_.root_key(), {future, future});
  v1::GetUsageResponse told = UsageOfKey(key.info().key_id());
  EXPECT_EQ(ToTotals(told.totals()), (Totals{{v1::VERIFY_CODE_VALID, 20'000'000'000}}));
  EXPECT_EQ(ToTime(told.last_used_time()), server_.clock().Now());
  EXPECT_EQ(told.last_used_address(), "");

  const IssuedKey other = Issue();
  v1::KeyUsage past = ReportOn(other.info().key_id());
  past.mutable_last_used_ago()->set_seconds(std::numeric_limits<int64_t>::max());
  Report(server_.root_key(), {past});
  told = UsageOfKey(other.info().key_id());
  // Not before the key was there.
  EXPECT_EQ(ToTime(told.last_used_time()), issued + absl::Minutes(1));
}

TEST_F(UsageReportTest, AReportThatIsOlderChangesNoLastUse) {
  const IssuedKey key = Issue();
  server_.clock().Advance(absl::Minutes(1));
  Verify(CheckFrom(key.key(), "192.0.2.1"));
  v1::KeyUsage usage = ReportOn(key.info().key_id());
  SetDuration(absl::Seconds(10), usage.mutable_last_used_ago());
  usage.set_last_used_address("192.0.2.2");
  Report(server_.root_key(), {usage});
  EXPECT_EQ(Get(key.info().key_id()).last_used_address(), "192.0.2.1");
  EXPECT_EQ(TotalsOf(key.info().key_id()), (Totals{{v1::VERIFY_CODE_VALID, 2}}));
}

TEST_F(UsageReportTest, ABeatIsAboutAtMostFiveHundredKeys) {
  const std::string key_id = Issue().info().key_id();
  TestVerifier verifier(server_.NewChannel(grpc::InsecureChannelCredentials()), server_.root_key());
  const std::optional<v1::SyncWelcome> welcome = verifier.SayHello();
  ASSERT_TRUE(welcome.has_value());
  const std::vector<v1::KeyUsage> most(500, ReportOn(key_id));
  ASSERT_TRUE(verifier.Report(welcome->head_revision(), most));
  const std::vector<v1::KeyUsage> more(501, ReportOn(key_id));
  ASSERT_TRUE(verifier.Report(welcome->head_revision(), more));
  const grpc::Status ended = verifier.End();
  EXPECT_THAT(ended, IsError(StatusCode::INVALID_ARGUMENT, "FIELD_INVALID"));
  EXPECT_THAT(ended.error_message(), HasSubstr("beat.usage: must be about at most 500 keys"));
  Flush();
  EXPECT_EQ(TotalsOf(key_id), (Totals{{v1::VERIFY_CODE_VALID, 500}}));
}

}  // namespace
}  // namespace claviger
