// Counts of checks, over the wire.
#include "tests/integration/usage_test.h"

namespace claviger {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using GetUsageTest = UsageTest;

TEST_F(GetUsageTest, ChecksAreCountedByOutcome) {
  const IssuedKey key = Issue("default", {"orders:read"});
  EXPECT_EQ(CodeOf(key.key()), v1::VERIFY_CODE_VALID);
  EXPECT_EQ(CodeOf(key.key()), v1::VERIFY_CODE_VALID);
  Verify(CheckOf(key.key(), {"orders:write"}));
  Disable(key.info().key_id());
  EXPECT_EQ(CodeOf(key.key()), v1::VERIFY_CODE_DISABLED);
  Revoke(key.info().key_id());
  EXPECT_EQ(CodeOf(key.key()), v1::VERIFY_CODE_REVOKED);
  Flush();
  const v1::GetUsageResponse usage = UsageOfKey(key.info().key_id());
  const Totals expected = {{v1::VERIFY_CODE_VALID, 2},
                           {v1::VERIFY_CODE_INSUFFICIENT_SCOPE, 1},
                           {v1::VERIFY_CODE_DISABLED, 1},
                           {v1::VERIFY_CODE_REVOKED, 1}};
  EXPECT_EQ(ToTotals(usage.totals()), expected);
  EXPECT_DOUBLE_EQ(usage.error_rate(), 0.6);
  ASSERT_THAT(usage.buckets(), SizeIs(1));
  EXPECT_EQ(ToTotals(usage.buckets(0).counts()), expected);
  EXPECT_EQ(ToTime(usage.buckets(0).start_time()), server_.clock().Now());
}

TEST_F(GetUsageTest, EveryCheckOfABatchCounts) {
  const IssuedKey key = Issue();
  v1::BatchVerifyRequest batch;
  for (int i = 0; i < 3; ++i) *batch.add_checks() = CheckOf(key.key());
  ASSERT_THAT(root().Call(batch), IsOk());
  Flush();
  EXPECT_EQ(TotalsOf(key.info().key_id()), (Totals{{v1::VERIFY_CODE_VALID, 3}}));
}

TEST_F(GetUsageTest, AWrongSecretCountsForNoKey) {
  const IssuedKey key = Issue();
  v1::VerifyRequest wrong;
  wrong.mutable_digest()->set_key_id(key.info().key_id());
  wrong.mutable_digest()->set_sha256(std::string(32, 'x'));
  EXPECT_EQ(Verify(wrong).code(), v1::VERIFY_CODE_NOT_FOUND);
  Flush();
  EXPECT_EQ(TotalsOf(key.info().key_id()), Totals{});
}

TEST_F(GetUsageTest, AKeyShownToAnotherProjectCountsWhereTheCallerMaySeeIt) {
  MakeProject("aaa");
  MakeProject("bbb");
  const IssuedKey key = Issue("aaa");
  v1::VerifyRequest check = CheckOf(key.key());
  check.set_project_id("bbb");
  EXPECT_EQ(Verify(check).code(), v1::VERIFY_CODE_NOT_FOUND);
  EXPECT_EQ(Manager({"keys.verify"}, {"bbb"}).Call(CheckOf(key.key()))->code(),
            v1::VERIFY_CODE_NOT_FOUND);
  Flush();
  EXPECT_EQ(TotalsOf(key.info().key_id()), (Totals{{v1::VERIFY_CODE_NOT_FOUND, 1}}));
}

TEST_F(GetUsageTest, TheLastUseTellsTimeAddressAndService) {
  const IssuedKey key = Issue();
  EXPECT_FALSE(Get(key.info().key_id()).has_last_used_time());
  server_.clock().Advance(absl::Seconds(5));
  Verify(CheckFrom(key.key(), "192.0.2.1"));
  server_.clock().Advance(absl::Seconds(5));
  const IssuedKey service = IssueManagementKey({"keys.verify"});
  ASSERT_THAT(server_.As(service.key()).Call(CheckFrom(key.key(), "2001:db8::7")), IsOk());
  const absl::Time used = server_.clock().Now();
  server_.clock().Advance(absl::Seconds(5));
  Verify(CheckOf(key.key(), {"no:such"}));
  Flush();

  const v1::GetUsageResponse usage = UsageOfKey(key.info().key_id());
  EXPECT_EQ(ToTime(usage.last_used_time()), used);
  EXPECT_EQ(usage.last_used_address(), "2001:db8::7");
  EXPECT_EQ(usage.last_used_by(), "key:" + service.info().key_id());
  const v1::Key info = Get(key.info().key_id());
  EXPECT_EQ(ToTime(info.last_used_time()), used);
  EXPECT_EQ(info.last_used_address(), "2001:db8::7");
  EXPECT_EQ(info.last_used_by(), "key:" + service.info().key_id());
  EXPECT_FALSE(info.used_since_rotation());
}

TEST_F(GetUsageTest, AManagementKeyIsUsedByItsCalls) {
  const IssuedKey manager = IssueManagementKey({"keys.read"});
  ASSERT_THAT(server_.As(manager.key()).Call(v1::ListKeysRequest()), IsOk());
  Revoke(manager.info().key_id());
  EXPECT_THAT(server_.As(manager.key()).Call(v1::ListKeysRequest()),
              IsError(StatusCode::UNAUTHENTICATED, "CREDENTIAL_INVALID"));
  Flush();
  const v1::GetUsageResponse usage = UsageOfKey(manager.info().key_id());
  EXPECT_EQ(ToTotals(usage.totals()),
            (Totals{{v1::VERIFY_CODE_VALID, 1}, {v1::VERIFY_CODE_REVOKED, 1}}));
  EXPECT_EQ(usage.last_used_by(), "system");
  EXPECT_EQ(usage.last_used_address(), "127.0.0.1");
}

TEST_F(GetUsageTest, HoursAndDaysAreBucketsOfUtc) {
  const IssuedKey key = Issue();  // at midnight
  const absl::Time start = server_.clock().Now();
  for (const int hour : {0, 1, 1, 23, 24, 49}) {
    server_.clock().SetNow(start + absl::Hours(hour) + absl::Minutes(30));
    Verify(CheckOf(key.key()));
  }
  Flush();
  v1::GetUsageRequest request;
  request.set_key_id(key.info().key_id());
  SetTime(start, request.mutable_start_time());
  const auto buckets = [&](const v1::GetUsageRequest& asked) {
    std::map<int64_t, int64_t> counts;  // by hours since the start
    const v1::GetUsageResponse usage = UsageOf(asked);
    for (const v1::UsageBucket& bucket : usage.buckets()) {
      counts[absl::ToInt64Hours(ToTime(bucket.start_time()) - start)] = bucket.counts(0).count();
    }
    return counts;
  };
  using Buckets = std::map<int64_t, int64_t>;
  EXPECT_EQ(buckets(request), (Buckets{{0, 1}, {1, 2}, {23, 1}, {24, 1}, {49, 1}}));
  request.set_interval(v1::USAGE_INTERVAL_DAY);
  EXPECT_EQ(buckets(request), (Buckets{{0, 4}, {24, 1}, {48, 1}}));
  SetTime(start + absl::Hours(24) + absl::Minutes(5), request.mutable_start_time());
  SetTime(start + absl::Hours(24) + absl::Minutes(6), request.mutable_end_time());
  EXPECT_EQ(buckets(request), (Buckets{{24, 1}}));
  request.set_interval(v1::USAGE_INTERVAL_HOUR);
  EXPECT_EQ(buckets(request), (Buckets{{24, 1}}));
  // By default the 24 hours up to now, or the 30 days.
  request.clear_start_time();
  request.clear_end_time();
  EXPECT_EQ(buckets(request), (Buckets{{49, 1}}));
  request.set_interval(v1::USAGE_INTERVAL_DAY);
  EXPECT_EQ(buckets(request), (Buckets{{0, 4}, {24, 1}, {48, 1}}));
}

TEST_F(GetUsageTest, AProjectHasAllItsKeysTogether) {
  MakeProject("aaa");
  MakeProject("bbb");
  Verify(CheckOf(Issue("aaa").key()));
  Verify(CheckOf(Issue("aaa").key(), {"x"}));
  Verify(CheckOf(Issue("bbb").key()));
  Flush();
  v1::GetUsageRequest request;
  request.set_project_id("aaa");
  const v1::GetUsageResponse usage = UsageOf(request);
  EXPECT_EQ(ToTotals(usage.totals()),
            (Totals{{v1::VERIFY_CODE_VALID, 1}, {v1::VERIFY_CODE_INSUFFICIENT_SCOPE, 1}}));
  EXPECT_FALSE(usage.has_last_used_time());
}

TEST_F(GetUsageTest, AKeyThatWasNeverCheckedHasNoUsage) {
  const IssuedKey key = Issue();
  const v1::GetUsageResponse usage = UsageOfKey(key.info().key_id());
  EXPECT_THAT(usage.buckets(), IsEmpty());
  EXPECT_THAT(usage.totals(), IsEmpty());
  EXPECT_EQ(usage.error_rate(), 0);
  EXPECT_FALSE(usage.has_last_used_time());
}

TEST_F(GetUsageTest, BadRequestsAreToldWhatIsAccepted) {
  const std::string key_id = Issue().info().key_id();
  const auto message = [&](const v1::GetUsageRequest& request) {
    const auto answer = root().Call(request);
    EXPECT_EQ(answer.status.error_code(), StatusCode::INVALID_ARGUMENT);
    return answer.status.error_message();
  };
  v1::GetUsageRequest request;
  EXPECT_THAT(message(request), HasSubstr("subject is required: must be key_id or project_id"));
  request.set_key_id("short");
  EXPECT_THAT(message(request), HasSubstr("key_id"));
  request.set_project_id("NO");
  EXPECT_THAT(message(request), HasSubstr("project_id"));
  request.set_key_id(key_id);
  request.set_interval(static_cast<v1::UsageInterval>(7));
  EXPECT_THAT(message(request), HasSubstr("interval: must be one of UsageInterval"));
  request.set_interval(v1::USAGE_INTERVAL_HOUR);
  SetTime(server_.clock().Now() + absl::Seconds(1), request.mutable_start_time());
  EXPECT_THAT(message(request), HasSubstr("start_time: must not be behind end_time"));
  request.mutable_end_time()->set_nanos(-1);
  EXPECT_THAT(message(request), HasSubstr("end_time"));
}

TEST_F(GetUsageTest, AtMostAThousandBucketsAreLookedAt) {
  v1::GetUsageRequest request;
  request.set_key_id(Issue().info().key_id());
  SetTime(server_.clock().Now() - absl::Hours(999), request.mutable_start_time());
  EXPECT_THAT(root().Call(request), IsOk());
  SetTime(server_.clock().Now() - absl::Hours(1000), request.mutable_start_time());
  const auto refused = root().Call(request);
  EXPECT_THAT(refused, IsError(StatusCode::INVALID_ARGUMENT, "FIELD_INVALID"));
  EXPECT_THAT(refused.status.error_message(), HasSubstr("at most 1000 hours before end_time"));
  request.set_interval(v1::USAGE_INTERVAL_DAY);
  EXPECT_THAT(root().Call(request), IsOk());
}

TEST_F(GetUsageTest, CountsGetIntoTheStoreEveryTenSeconds) {
  const IssuedKey key = Issue();
  Verify(CheckOf(key.key()));
  server_.clock().Advance(absl::Seconds(10));
  server_.Reload();  // wakes the timer up, which else looks at the real clock
  const absl::Time give_up = absl::Now() + absl::Seconds(20);
  while (TotalsOf(key.info().key_id()).empty() && absl::Now() < give_up) {
  }
  EXPECT_EQ(TotalsOf(key.info().key_id()), (Totals{{v1::VERIFY_CODE_VALID, 1}}));
  EXPECT_THAT(server_.HttpGet("/metrics"), HasSubstr("claviger_usage_flush_seconds_count "));
  EXPECT_THAT(server_.HttpGet("/metrics"), HasSubstr("claviger_usage_dropped_total 0"));
}

}  // namespace
}  // namespace claviger
