#include "client/src/verify_convert.h"

#include <functional>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/client/grant_testing.h"

namespace claviger::client {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

constexpr absl::Duration kAskedAt = absl::Seconds(100);

AskedKey Key1() { return {.id = IdOf(1), .hash = HashOf(1), .sha512 = std::nullopt}; }

v1::VerifyResponse ValidAnswer() {
  v1::VerifyResponse response;
  response.set_valid(true);
  response.set_code(v1::VERIFY_CODE_VALID);
  response.set_revision(12);
  response.set_epoch(std::string(16, '\7'));
  v1::Grant& grant = *response.mutable_grant();
  grant.set_key_id(IdOf(1).ToString());
  grant.set_project_id("web");
  grant.set_owner("alice");
  grant.set_environment(v1::ENVIRONMENT_TEST);
  grant.add_scopes("orders:read");
  (*grant.mutable_labels())["team"] = "blue";
  (*grant.mutable_labels())["area"] = "north";
  grant.add_allowed_cidrs("10.0.0.0/8");
  grant.mutable_expire_time()->set_seconds(500);
  response.mutable_expires_in()->set_seconds(7);
  return response;
}

TEST(VerifyConvertTest, AsksByTheDigestAlone) {
  const v1::VerifyRequest request = ToRequest(Key1());
  EXPECT_EQ(request.digest().key_id(), IdOf(1).ToString());
  EXPECT_EQ(request.digest().sha256(), AsBytes(HashOf(1).bytes));
  EXPECT_FALSE(request.has_key());
  EXPECT_EQ(request.required_scopes_size(), 0);
  EXPECT_EQ(request.project_id(), "");
  EXPECT_EQ(request.client_ip(), "");
}

TEST(VerifyConvertTest, AsksAboutATextOfElsewhereByBothDigestsAndNoKeyId) {
  const AskedKey key{.id = IdOf(2), .hash = HashOf(1), .sha512 = Sha512("sk_1")};
  const v1::VerifyRequest request = ToRequest(key);
  EXPECT_EQ(request.digest().key_id(), "");
  EXPECT_EQ(request.digest().sha256(), AsBytes(HashOf(1).bytes));
  EXPECT_EQ(request.digest().sha512(), AsBytes(Sha512("sk_1")));

  const absl::StatusOr<FlightAnswer> answer = FromResponse(ValidAnswer(), key, kAskedAt);
  ASSERT_EQ(answer.status(), absl::OkStatus());
  EXPECT_EQ(answer->grant->id, IdOf(1)) << "the authority says which key it is";
}

TEST(VerifyConvertTest, ReadsAGrant) {
  const absl::StatusOr<FlightAnswer> answer = FromResponse(ValidAnswer(), Key1(), kAskedAt);
  ASSERT_EQ(answer.status(), absl::OkStatus());
  EXPECT_EQ(answer->code, VerifyCode::kValid);
  EXPECT_EQ(answer->reflects.epoch, EpochOf(7));
  EXPECT_EQ(answer->reflects.revision.value, 12u);
  EXPECT_EQ(answer->end_of_life, kAskedAt + absl::Seconds(7)) << "counted from the question (I14)";
  ASSERT_NE(answer->grant, nullptr);
  const CachedGrant& grant = *answer->grant;
  EXPECT_EQ(grant.id, IdOf(1));
  EXPECT_EQ(grant.project_id, "web");
  EXPECT_EQ(grant.owner, "alice");
  EXPECT_EQ(grant.environment, Environment::kTest);
  EXPECT_TRUE(grant.scopes.Covers("orders:read"));
  EXPECT_THAT(grant.labels, ElementsAre(Pair("area", "north"), Pair("team", "blue")));
  EXPECT_EQ(grant.allowed_cidrs.size(), 1u);
  EXPECT_EQ(grant.expire_time, absl::FromUnixSeconds(500));
}

TEST(VerifyConvertTest, AKeyWithoutEndLivesOn) {
  v1::VerifyResponse response = ValidAnswer();
  response.clear_expires_in();
  EXPECT_EQ(FromResponse(response, Key1(), kAskedAt)->end_of_life, absl::InfiniteDuration());
}

TEST(VerifyConvertTest, ADenialOfALiveKeyComesWithItsGrant) {
  v1::VerifyResponse response = ValidAnswer();
  response.set_code(v1::VERIFY_CODE_ADDRESS_NOT_ALLOWED);
  EXPECT_NE(FromResponse(response, Key1(), kAskedAt)->grant, nullptr);
}

TEST(VerifyConvertTest, ADeadKeyHasNoGrantWhateverIsSent) {
  for (const v1::VerifyCode code :
       {v1::VERIFY_CODE_NOT_FOUND, v1::VERIFY_CODE_DISABLED, v1::VERIFY_CODE_EXPIRED,
        v1::VERIFY_CODE_REVOKED, v1::VERIFY_CODE_RATE_LIMITED, v1::VERIFY_CODE_QUOTA_EXCEEDED}) {
    v1::VerifyResponse response = ValidAnswer();
    response.set_code(code);
    const absl::StatusOr<FlightAnswer> answer = FromResponse(response, Key1(), kAskedAt);
    ASSERT_EQ(answer.status(), absl::OkStatus());
    EXPECT_EQ(static_cast<int>(answer->code), static_cast<int>(code));
    EXPECT_EQ(answer->grant, nullptr);
  }
}

TEST(VerifyConvertTest, NobodyGetsInByAnAnswerThatIsUnfit) {
  const struct {
    const char* name;
    std::function<void(v1::VerifyResponse&)> spoil;
  } kCases[] = {
      {"another key", [](auto& r) { r.mutable_grant()->set_key_id(IdOf(2).ToString()); }},
      {"no key", [](auto& r) { r.mutable_grant()->clear_key_id(); }},
      {"no grant", [](auto& r) { r.clear_grant(); }},
      {"no epoch", [](auto& r) { r.clear_epoch(); }},
      {"short epoch", [](auto& r) { r.set_epoch("short"); }},
      {"no code", [](auto& r) { r.clear_code(); }},
      {"unknown code", [](auto& r) { r.set_code(static_cast<v1::VerifyCode>(77)); }},
      {"bad scope", [](auto& r) { r.mutable_grant()->add_scopes("Not A Scope"); }},
      {"bad block", [](auto& r) { r.mutable_grant()->add_allowed_cidrs("10.0.0.1/8"); }},
  };
  for (const auto& [name, spoil] : kCases) {
    v1::VerifyResponse response = ValidAnswer();
    spoil(response);
    EXPECT_EQ(FromResponse(response, Key1(), kAskedAt).status().code(), absl::StatusCode::kInternal)
        << name;
  }
}

}  // namespace
}  // namespace claviger::client
