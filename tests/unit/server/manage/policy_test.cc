#include "server/manage/policy.h"

#include "core/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/store_testing.h"

namespace claviger {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const absl::Time kNow = absl::FromUnixSeconds(1893456000);
constexpr absl::Duration kHour = absl::Hours(1);
constexpr absl::Duration kTick = absl::Nanoseconds(1);
constexpr std::monostate kNothingSaid;

ProjectPolicy Policy(std::optional<absl::Duration> max_ttl,
                     std::optional<absl::Duration> default_ttl = std::nullopt,
                     bool require_expiry = false) {
  ProjectPolicy policy;
  policy.max_key_ttl = max_ttl;
  policy.default_key_ttl = default_ttl;
  policy.require_expiry = require_expiry;
  return policy;
}

struct ExpiryCase {
  std::string name;
  Expiration said;
  ProjectPolicy policy;
  std::optional<absl::Time> end;
};

TEST(PolicyTest, TheEndOfAKey) {
  for (const ExpiryCase& row : std::vector<ExpiryCase>{
           {"nothing said, no policy", kNothingSaid, {}, std::nullopt},
           {"a life", kHour, {}, kNow + kHour},
           {"a date", kNow + kHour, {}, kNow + kHour},
           {"shortest life", kTick, {}, kNow + kTick},
           {"longest life", kMaxKeyTtl, {}, kNow + kMaxKeyTtl},
           {"latest date", kNow + kMaxKeyTtl, {}, kNow + kMaxKeyTtl},
           {"the default", kNothingSaid, Policy(2 * kHour, kHour), kNow + kHour},
           {"the maximum where there is no default", kNothingSaid, Policy(kHour), kNow + kHour},
           {"a default alone", kNothingSaid, Policy({}, kHour), kNow + kHour},
           {"longer than the default", 2 * kHour, Policy({}, kHour), kNow + 2 * kHour},
           {"exactly the maximum", kHour, Policy(kHour), kNow + kHour},
           {"required and said", kHour, Policy({}, {}, true), kNow + kHour},
           {"required and by default", kNothingSaid, Policy({}, kHour, true), kNow + kHour}}) {
    const auto end = ResolveExpiry(row.said, row.policy, kNow);
    ASSERT_TRUE(end.ok()) << row.name << end.status();
    EXPECT_EQ(*end, row.end) << row.name;
  }
}

struct RefusedCase {
  std::string name;
  Expiration said;
  ProjectPolicy policy;
  Reason reason;
  std::string field;
};

TEST(PolicyTest, EndsThatAreRefused) {
  for (const RefusedCase& row : std::vector<RefusedCase>{
           {"no life", absl::ZeroDuration(), {}, Reason::kFieldInvalid, "ttl"},
           {"a negative life", -kTick, {}, Reason::kFieldInvalid, "ttl"},
           {"too long a life", kMaxKeyTtl + kTick, {}, Reason::kFieldInvalid, "ttl"},
           {"an endless life", absl::InfiniteDuration(), {}, Reason::kFieldInvalid, "ttl"},
           {"now", kNow, {}, Reason::kFieldInvalid, "expire_time"},
           {"the past", kNow - kTick, {}, Reason::kFieldInvalid, "expire_time"},
           {"too late a date", kNow + kMaxKeyTtl + kTick, {}, Reason::kFieldInvalid, "expire_time"},
           {"a life above the maximum", kHour + kTick, Policy(kHour), Reason::kPolicyViolation,
            "ttl"},
           {"a date above the maximum", kNow + kHour + kTick, Policy(kHour),
            Reason::kPolicyViolation, "expire_time"},
           {"no end where one is required", kNothingSaid, Policy({}, {}, true),
            Reason::kPolicyViolation, "ttl"}}) {
    const auto end = ResolveExpiry(row.said, row.policy, kNow);
    const ErrorDetails details = DetailsOf(end.status());
    EXPECT_EQ(details.reason, row.reason) << row.name;
    ASSERT_EQ(details.fields.size(), 1u) << row.name;
    EXPECT_EQ(details.fields[0].field, row.field) << row.name;
    EXPECT_EQ(end.status().code(), row.reason == Reason::kPolicyViolation
                                       ? absl::StatusCode::kFailedPrecondition
                                       : absl::StatusCode::kInvalidArgument)
        << row.name;
  }
}

TEST(PolicyTest, ACatalogCoversOrNamesAllThatItDoesNot) {
  ProjectRecord project = TestProject("shop");
  EXPECT_EQ(CheckCatalog(project, {"anything", "*"}, "scopes"), absl::OkStatus());
  project.scope_catalog = ScopeSet::FromTrusted({"orders:*", "stock:read"});
  EXPECT_EQ(CheckCatalog(project, {}, "scopes"), absl::OkStatus());
  EXPECT_EQ(CheckCatalog(project, {"orders:*", "orders:x:y", "stock:read"}, "scopes"),
            absl::OkStatus());
  const absl::Status refused =
      CheckCatalog(project, {"orders:read", "money", "*", "stock:*", "orders"}, "add");
  EXPECT_EQ(DetailsOf(refused).reason, Reason::kScopeNotInCatalog);
  std::vector<std::string> fields;
  for (const FieldViolation& violation : DetailsOf(refused).fields)
    fields.push_back(violation.field);
  EXPECT_THAT(fields, ElementsAre("add[1]", "add[2]", "add[3]", "add[4]"));
  EXPECT_THAT(std::string(refused.message()), HasSubstr("orders:* stock:read"));
}

TEST(PolicyTest, AddressesMayBeRequired) {
  ProjectRecord project = TestProject("shop");
  EXPECT_EQ(CheckAddresses(project, {}), absl::OkStatus());
  project.policy.allowed_cidrs_required = true;
  EXPECT_EQ(CheckAddresses(project, {*Cidr::Parse("10.0.0.0/8")}), absl::OkStatus());
  const absl::Status refused = CheckAddresses(project, {});
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(DetailsOf(refused).fields[0].field, "allowed_cidrs");
}

TEST(PolicyTest, ANewEndCountsFromTheCreation) {
  const absl::Time created = kNow - 10 * kHour;
  const auto check = [&](std::optional<absl::Time> end, const ProjectPolicy& policy) {
    return CheckNewExpiry(end, created, policy, kNow);
  };
  EXPECT_EQ(check(std::nullopt, {}), absl::OkStatus());
  EXPECT_EQ(check(kNow + kTick, {}), absl::OkStatus());
  EXPECT_EQ(check(kNow + kMaxKeyTtl, {}), absl::OkStatus());
  EXPECT_EQ(check(created + 12 * kHour, Policy(12 * kHour)), absl::OkStatus());
  for (const absl::Time end : {kNow, kNow - kTick, kNow + kMaxKeyTtl + kTick}) {
    const absl::Status refused = check(end, {});
    EXPECT_EQ(refused.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(DetailsOf(refused).fields[0].field, "key.expire_time");
  }
  for (const absl::Status& refused :
       {check(created + 12 * kHour + kTick, Policy(12 * kHour)),
        check(std::nullopt, Policy(12 * kHour)), check(std::nullopt, Policy({}, {}, true))}) {
    EXPECT_EQ(DetailsOf(refused).reason, Reason::kPolicyViolation);
    EXPECT_EQ(DetailsOf(refused).fields[0].field, "key.expire_time");
  }
}

TEST(PolicyTest, FiguresOfAPolicyMakeSense) {
  const absl::Duration second = absl::Seconds(1);
  for (const ProjectPolicy& good :
       {Policy({}), Policy(second), Policy(kMaxKeyTtl), Policy({}, second), Policy(kHour, kHour)}) {
    EXPECT_EQ(CheckPolicy(good), absl::OkStatus());
  }
  struct Case {
    ProjectPolicy policy;
    std::string field;
  };
  for (const Case& row :
       std::vector<Case>{{Policy(second - kTick), "project.policy.max_key_ttl"},
                         {Policy(-kHour), "project.policy.max_key_ttl"},
                         {Policy(kMaxKeyTtl + kTick), "project.policy.max_key_ttl"},
                         {Policy({}, absl::ZeroDuration()), "project.policy.default_key_ttl"},
                         {Policy({}, kMaxKeyTtl + kTick), "project.policy.default_key_ttl"},
                         {Policy(kHour, kHour + kTick), "project.policy.default_key_ttl"}}) {
    const absl::Status status = CheckPolicy(row.policy);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << row.field;
    ASSERT_EQ(DetailsOf(status).fields.size(), 1u);
    EXPECT_EQ(DetailsOf(status).fields[0].field, row.field);
  }
}

}  // namespace
}  // namespace claviger
