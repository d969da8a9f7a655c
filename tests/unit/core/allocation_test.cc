// The server's decision allocates nothing.
#include <string>
#include <vector>

#include "core/decision.h"
#include "core/key_format.h"
#include "gtest/gtest.h"
#include "tests/support/allocation_counter.h"
#include "tests/support/fake_random.h"

namespace claviger {
namespace {

TEST(AllocationTest, TheCounterCounts) {
  if (!AllocationsAreCounted()) GTEST_SKIP() << "ThreadSanitizer's own operator new is in use";
  EXPECT_EQ(AllocationsOf([] { const std::string text(100, 'x'); }), 1U);
}

TEST(AllocationTest, ParseKeyAllocatesNothing) {
  if (!AllocationsAreCounted()) GTEST_SKIP() << "ThreadSanitizer's own operator new is in use";
  FakeRandom random;
  const Secret key =
      GenerateKey("clv", Environment::kLive, *KeyId::Parse("00Yx3kTq7LmNp0aB"), random).value();
  bool parsed = false;
  EXPECT_EQ(AllocationsOf([&] { parsed = ParseKey(key.ExposeSecret()).has_value(); }), 0U);
  EXPECT_TRUE(parsed);
}

TEST(AllocationTest, DecideAllocatesNothing) {
  if (!AllocationsAreCounted()) GTEST_SKIP() << "ThreadSanitizer's own operator new is in use";
  KeyRecord key;
  key.project_id = "a-project-with-a-name-that-is-long";
  key.scopes = ScopeSet::FromTrusted({"a-scope:with-a-name:that-is-long:*", "another:scope"});
  key.allowed_cidrs = {*Cidr::Parse("10.0.0.0/8"), *Cidr::Parse("2001:db8::/32")};
  key.expire_time = absl::FromUnixSeconds(1893456000);
  const std::vector<std::string_view> required = {"a-scope:with-a-name:that-is-long:read"};
  const std::vector<std::string_view> any = {"nothing:of-the-kind:is-granted", "another:scope"};
  const Requirements wanted = {.project_id = key.project_id,
                               .required_scopes = required,
                               .any_scopes = any,
                               .client_ip = IpAddress::Parse("2001:db8::1")};
  VerifyCode code = VerifyCode::kNotFound;
  EXPECT_EQ(AllocationsOf([&] { code = Decide(SubjectOf(key), wanted, absl::UnixEpoch()); }), 0U);
  EXPECT_EQ(code, VerifyCode::kValid);
}

}  // namespace
}  // namespace claviger
