#include "core/decision.h"

#include <set>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace claviger {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const absl::Time kNow = absl::FromUnixSeconds(1893456000);
constexpr absl::Duration kInstant = absl::Nanoseconds(1);

class DecideTest : public ::testing::Test {
 protected:
  DecideTest() {
    key_.project_id = "shop";
    key_.scopes = ScopeSet::FromTrusted({"actions:write", "visibility:*"});
  }

  VerifyCode Decide(const Requirements& wanted = {}) const {
    return claviger::Decide(SubjectOf(key_), wanted, kNow);
  }
  VerifyCode DecideScopes(const std::vector<std::string_view>& required,
                          const std::vector<std::string_view>& any = {}) const {
    return Decide({.required_scopes = required, .any_scopes = any});
  }
  VerifyCode DecideFrom(std::string_view address) const {
    return Decide({.client_ip = IpAddress::Parse(address).value()});
  }

  KeyRecord key_;
};

TEST_F(DecideTest, AGoodKeyIsValid) { EXPECT_EQ(Decide(), VerifyCode::kValid); }

TEST_F(DecideTest, AnotherProjectIsNotFound) {
  EXPECT_EQ(Decide({.project_id = "shop"}), VerifyCode::kValid);
  EXPECT_EQ(Decide({.project_id = "sho"}), VerifyCode::kNotFound);
  EXPECT_EQ(Decide({.project_id = "shops"}), VerifyCode::kNotFound);
}

TEST_F(DecideTest, RevokedAndDeletedAreRevoked) {
  key_.delete_time = kNow;
  EXPECT_EQ(Decide(), VerifyCode::kRevoked);
  key_.delete_time.reset();
  key_.revocation = Revocation{};
  EXPECT_EQ(Decide(), VerifyCode::kRevoked);
}

TEST_F(DecideTest, ExpiredFromTheExpireTimeOn) {
  key_.expire_time = kNow + kInstant;
  EXPECT_EQ(Decide(), VerifyCode::kValid);
  key_.expire_time = kNow;
  EXPECT_EQ(Decide(), VerifyCode::kExpired);
  key_.expire_time = kNow - kInstant;
  EXPECT_EQ(Decide(), VerifyCode::kExpired);
}

TEST_F(DecideTest, DisabledIsDisabled) {
  key_.disabled = true;
  EXPECT_EQ(Decide(), VerifyCode::kDisabled);
}

TEST_F(DecideTest, AddressesAreAllowedByBlock) {
  EXPECT_EQ(DecideFrom("192.0.2.1"), VerifyCode::kValid) << "no blocks: any address";
  key_.allowed_cidrs = {*Cidr::Parse("10.0.0.0/8"), *Cidr::Parse("2001:db8::/32")};
  EXPECT_EQ(DecideFrom("10.1.2.3"), VerifyCode::kValid);
  EXPECT_EQ(DecideFrom("::ffff:10.1.2.3"), VerifyCode::kValid);
  EXPECT_EQ(DecideFrom("2001:db8::1"), VerifyCode::kValid);
  EXPECT_EQ(DecideFrom("192.0.2.1"), VerifyCode::kAddressNotAllowed);
}

TEST_F(DecideTest, ALimitedKeyNeedsAnAddress) {
  key_.allowed_cidrs = {*Cidr::Parse("0.0.0.0/0")};
  EXPECT_EQ(Decide(), VerifyCode::kAddressNotAllowed);
}

TEST_F(DecideTest, AllRequiredScopesMustBeCovered) {
  EXPECT_EQ(DecideScopes({"actions:write"}), VerifyCode::kValid);
  EXPECT_EQ(DecideScopes({"actions:write", "visibility:read"}), VerifyCode::kValid);
  EXPECT_EQ(DecideScopes({"actions:write", "actions:read"}), VerifyCode::kInsufficientScope);
  EXPECT_EQ(DecideScopes({"visibility"}), VerifyCode::kInsufficientScope);
}

TEST_F(DecideTest, OneOfAnyScopesIsEnough) {
  EXPECT_EQ(DecideScopes({}, {"x", "visibility:read"}), VerifyCode::kValid);
  EXPECT_EQ(DecideScopes({}, {"x", "y"}), VerifyCode::kInsufficientScope);
  EXPECT_EQ(DecideScopes({"actions:write"}, {"x"}), VerifyCode::kInsufficientScope);
  EXPECT_EQ(DecideScopes({"z"}, {"visibility:read"}), VerifyCode::kInsufficientScope);
}

TEST_F(DecideTest, AKeyWithoutScopesMayDoOnlyWhatNeedsNone) {
  key_.scopes = ScopeSet();
  EXPECT_EQ(DecideScopes({}), VerifyCode::kValid);
  EXPECT_EQ(DecideScopes({"a"}), VerifyCode::kInsufficientScope);
  EXPECT_EQ(DecideScopes({}, {"a"}), VerifyCode::kInsufficientScope);
}

TEST_F(DecideTest, ForeignRevokedExpiredDisabledAddressScopesInThisOrder) {
  key_.revocation = Revocation{};
  key_.expire_time = kNow;
  key_.disabled = true;
  key_.allowed_cidrs = {*Cidr::Parse("10.0.0.0/8")};
  const std::vector<std::string_view> required = {"not:granted"};
  Requirements wanted = {.project_id = "other", .required_scopes = required};

  // Each step mends what was found, and meets the next.
  EXPECT_EQ(Decide(wanted), VerifyCode::kNotFound);
  wanted.project_id = "shop";
  EXPECT_EQ(Decide(wanted), VerifyCode::kRevoked);
  key_.revocation.reset();
  EXPECT_EQ(Decide(wanted), VerifyCode::kExpired);
  key_.expire_time.reset();
  EXPECT_EQ(Decide(wanted), VerifyCode::kDisabled);
  key_.disabled = false;
  EXPECT_EQ(Decide(wanted), VerifyCode::kAddressNotAllowed);
  wanted.client_ip = IpAddress::Parse("10.0.0.1");
  EXPECT_EQ(Decide(wanted), VerifyCode::kInsufficientScope);
  wanted.required_scopes = {};
  EXPECT_EQ(Decide(wanted), VerifyCode::kValid);
}

TEST_F(DecideTest, AgreesWithTheStateOfTheKey) {
  for (unsigned bits = 0; bits < 16; ++bits) {
    key_.disabled = (bits & 1U) != 0;
    key_.expire_time = (bits & 2U) != 0 ? std::optional(kNow) : std::nullopt;
    key_.revocation = (bits & 4U) != 0 ? std::optional(Revocation{}) : std::nullopt;
    key_.delete_time = (bits & 8U) != 0 ? std::optional(kNow) : std::nullopt;
    const std::string_view state = KeyStateName(StateOf(key_, kNow));
    const std::string_view code = VerifyCodeName(Decide());
    const std::string_view expected = state == "ACTIVE"    ? "VALID"
                                      : state == "DELETED" ? "REVOKED"
                                                           : state;
    EXPECT_EQ(code, expected);
  }
}

TEST_F(DecideTest, MissingScopesAreTheRequiredOnesNotCovered) {
  const std::vector<std::string_view> required = {"b", "actions:write", "a"};
  const std::vector<std::string_view> any = {"x"};
  EXPECT_THAT(MissingScopes(SubjectOf(key_), {.required_scopes = required, .any_scopes = any}),
              ElementsAre("b", "a"));
}

TEST_F(DecideTest, MissingScopesAreAllOfAnyWhenNoneIsCovered) {
  const std::vector<std::string_view> required = {"actions:write"};
  const std::vector<std::string_view> any = {"x", "y"};
  EXPECT_THAT(MissingScopes(SubjectOf(key_), {.required_scopes = required, .any_scopes = any}),
              ElementsAre("x", "y"));
}

TEST_F(DecideTest, NothingIsMissingWhenTheScopesSuffice) {
  const std::vector<std::string_view> required = {"actions:write"};
  const std::vector<std::string_view> any = {"x", "visibility:read"};
  EXPECT_THAT(MissingScopes(SubjectOf(key_), {.required_scopes = required, .any_scopes = any}),
              IsEmpty());
  EXPECT_THAT(MissingScopes(SubjectOf(key_), {}), IsEmpty());
}

TEST(VerifyCodeNameTest, EachHasANameOfItsOwn) {
  std::set<std::string_view> names;
  for (int code = 1; code <= static_cast<int>(VerifyCode::kQuotaExceeded); ++code) {
    const std::string_view name = VerifyCodeName(static_cast<VerifyCode>(code));
    EXPECT_NE(name, "UNKNOWN");
    EXPECT_TRUE(names.insert(name).second) << name;
  }
}

}  // namespace
}  // namespace claviger
