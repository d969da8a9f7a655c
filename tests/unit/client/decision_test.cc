#include "claviger/decision.h"

#include <string>

#include "claviger/testing/fake_checker.h"
#include "client/src/decision_builder.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace claviger {
namespace {

using ::claviger::client_testing::DecideOn;
using ::claviger::client_testing::MakeDenial;
using ::claviger::client_testing::MakeGrant;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

TEST(DecisionTest, NobodyDecidedIsDenied) {
  const Decision decision;
  EXPECT_FALSE(decision.valid());
  EXPECT_EQ(decision.code(), DecisionCode::kUnavailable);
}

TEST(DecisionTest, ADenialWithoutAGrantIsNeverValid) {
  const Decision decision =
      client::DecisionBuilder::Denied(VerifyCode::kValid, client::AnswerSource::kAuthority);
  EXPECT_FALSE(decision.valid());
}

TEST(DecisionTest, EachCodeHasItsStatus) {
  const struct {
    DecisionCode code;
    absl::StatusCode status;
  } kCases[] = {
      {DecisionCode::kNotFound, absl::StatusCode::kUnauthenticated},
      {DecisionCode::kDisabled, absl::StatusCode::kUnauthenticated},
      {DecisionCode::kExpired, absl::StatusCode::kUnauthenticated},
      {DecisionCode::kRevoked, absl::StatusCode::kUnauthenticated},
      {DecisionCode::kInsufficientScope, absl::StatusCode::kPermissionDenied},
      {DecisionCode::kAddressNotAllowed, absl::StatusCode::kPermissionDenied},
      {DecisionCode::kRateLimited, absl::StatusCode::kResourceExhausted},
      {DecisionCode::kQuotaExceeded, absl::StatusCode::kResourceExhausted},
      {DecisionCode::kUnavailable, absl::StatusCode::kUnavailable},
  };
  for (const auto& [code, status] : kCases) {
    EXPECT_EQ(MakeDenial(code).ToStatus().code(), status) << DecisionCodeName(code);
  }
  EXPECT_EQ(DecideOn(MakeGrant({}), {}).ToStatus(), absl::OkStatus());
}

TEST(DecisionTest, NamesTheScopesThatAreMissing) {
  static constexpr std::string_view kWanted[] = {"orders:read", "orders:write"};
  const Decision decision =
      DecideOn(MakeGrant({.scopes = {"orders:read"}}), {.required_scopes = kWanted});
  EXPECT_EQ(decision.code(), DecisionCode::kInsufficientScope);
  EXPECT_THAT(decision.missing_scopes(), ElementsAre("orders:write"));
  EXPECT_THAT(std::string(decision.ToStatus().message()), HasSubstr("orders:write"));
  EXPECT_TRUE(decision.grant());
}

TEST(DecisionTest, AKeyOfAForeignProjectDoesNotExist) {
  const Decision decision = DecideOn(MakeGrant({.project_id = "web"}), {.project_id = "shop"});
  EXPECT_EQ(decision.code(), DecisionCode::kNotFound);
  EXPECT_FALSE(decision.grant());
}

TEST(DecisionTest, AKeyLimitedToAddressesNeedsOneInside) {
  const Grant grant = MakeGrant({.allowed_cidrs = {"10.0.0.0/8"}});
  const struct {
    const char* client_ip;
    DecisionCode code;
  } kCases[] = {
      {"10.1.2.3", DecisionCode::kValid},
      {"::ffff:10.1.2.3", DecisionCode::kValid},
      {"11.1.2.3", DecisionCode::kAddressNotAllowed},
      {"", DecisionCode::kAddressNotAllowed},
      {"10.1.2.3:80", DecisionCode::kAddressNotAllowed},
  };
  for (const auto& [client_ip, code] : kCases) {
    EXPECT_EQ(DecideOn(grant, {.client_ip = client_ip}).code(), code) << client_ip;
  }
}

TEST(DecisionTest, ATextThatIsNoAddressIsDeniedWhateverTheKeysLimitsAre) {
  const Grant grant = MakeGrant({.project_id = "web"});
  const Decision decision = DecideOn(grant, {.client_ip = "home"});
  EXPECT_EQ(decision.code(), DecisionCode::kAddressNotAllowed);
  EXPECT_THAT(std::string(decision.detail()), HasSubstr("client_ip"));
  EXPECT_EQ(DecideOn(grant, {.client_ip = "10.1.2.3"}).code(), DecisionCode::kValid);
  EXPECT_EQ(DecideOn(grant, {}).code(), DecisionCode::kValid);
  EXPECT_EQ(DecideOn(grant, {.project_id = "shop", .client_ip = "home"}).code(),
            DecisionCode::kNotFound);
}

TEST(DecisionTest, ItsReasonsAreForTheServiceNotForTheCaller) {
  const Decision decision = client::DecisionBuilder::Unavailable("10.0.0.7 refused");
  EXPECT_EQ(decision.detail(), "10.0.0.7 refused");
  EXPECT_EQ(decision.ToStatus().message(), "the API key cannot be checked now");
}

TEST(GrantTest, SaysWhatTheKeyStandsFor) {
  const Grant grant = MakeGrant({.key_id = "00abcdefghijklmn",
                                 .project_id = "shop",
                                 .owner = "alice",
                                 .environment = KeyEnvironment::kTest,
                                 .scopes = {"orders:*", "a:b"},
                                 .labels = {{"team", "blue"}, {"area", "north"}},
                                 .metadata_json = R"({"plan":"gold"})",
                                 .expire_time = absl::FromUnixSeconds(1),
                                 .allowed_cidrs = {"10.0.0.0/8"}});
  ASSERT_TRUE(grant);
  EXPECT_EQ(grant.key_id(), "00abcdefghijklmn");
  EXPECT_EQ(grant.project_id(), "shop");
  EXPECT_EQ(grant.owner(), "alice");
  EXPECT_EQ(grant.environment(), KeyEnvironment::kTest);
  EXPECT_THAT(grant.scopes(), ElementsAre("a:b", "orders:*"));
  EXPECT_TRUE(grant.Covers("orders:read"));
  EXPECT_FALSE(grant.Covers("users:read"));
  EXPECT_EQ(grant.label("team"), "blue");
  EXPECT_EQ(grant.label("none"), std::nullopt);
  EXPECT_THAT(grant.Labels(), ElementsAre(Pair("area", "north"), Pair("team", "blue")));
  EXPECT_EQ(grant.MetadataJson(), R"({"plan":"gold"})");
  EXPECT_EQ(grant.expire_time(), absl::FromUnixSeconds(1));
  EXPECT_THAT(grant.AllowedCidrs(), ElementsAre("10.0.0.0/8"));
}

TEST(GrantTest, AnEmptyOneHasEmptyValues) {
  const Grant grant;
  EXPECT_FALSE(grant);
  EXPECT_EQ(grant.key_id(), "");
  EXPECT_EQ(grant.owner(), "");
  EXPECT_THAT(grant.scopes(), IsEmpty());
  EXPECT_FALSE(grant.Covers("a"));
  EXPECT_EQ(grant.label("a"), std::nullopt);
  EXPECT_EQ(grant.expire_time(), std::nullopt);
  EXPECT_EQ(grant.MetadataJson(), "{}");
}

}  // namespace
}  // namespace claviger
