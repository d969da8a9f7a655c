#include "server/manage/authenticator.h"

#include "core/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/server/manage/managed_store.h"

namespace claviger {
namespace {

using ::testing::HasSubstr;

class AuthenticatorTest : public ::testing::Test {
 protected:
  AuthenticatorTest() : authenticator_(managed_.verifier, certificates_, managed_.clock) {
    certificates_.Replace(
        *ParseCallerMap(R"({"callers": [{"san": "dns:billing", "permissions": ["keys.read"]}]})"));
  }

  static KeyRecord ManagementKey(int n) {
    KeyRecord key = TestKey(n, kManagementProject);
    key.scopes = ScopeSet::FromTrusted({"keys.read"});
    return key;
  }

  absl::StatusOr<Caller> Show(std::optional<std::string> authorization,
                              std::vector<std::string> sans = {},
                              const std::string& peer = "10.0.0.1") {
    ShownCredentials shown;
    if (authorization.has_value()) shown.authorization = *authorization;
    shown.certificate_sans = [&] {
      ++sans_asked_;
      return sans;
    };
    shown.peer = [&] { return peer; };
    return authenticator_.Authenticate(shown);
  }

  Reason ReasonFor(std::optional<std::string> authorization, std::vector<std::string> sans = {},
                   const std::string& peer = "10.0.0.1") {
    const auto caller = Show(std::move(authorization), std::move(sans), peer);
    EXPECT_EQ(caller.status().code(), absl::StatusCode::kUnauthenticated);
    return DetailsOf(caller.status()).reason;
  }

  ManagedStore managed_;
  CallerMapHolder certificates_;
  Authenticator authenticator_;
  int sans_asked_ = 0;
};

TEST_F(AuthenticatorTest, AKeyIsACaller) {
  const std::string raw = managed_.PutWithSecret(ManagementKey(1));
  const auto caller = Show("Bearer " + raw);
  ASSERT_TRUE(caller.ok()) << caller.status();
  EXPECT_EQ(caller->key_id(), TestKeyId(1));
  EXPECT_EQ(caller->peer(), "10.0.0.1");
  EXPECT_TRUE(caller->Has("keys.read"));
  EXPECT_EQ(sans_asked_, 0);
}

TEST_F(AuthenticatorTest, AKeyOfAnyProjectIsACallerWithoutPermissions) {
  KeyRecord key = ManagementKey(1);
  key.project_id = kDefaultProject;
  const auto caller = Show("bearer " + managed_.PutWithSecret(key));
  ASSERT_TRUE(caller.ok());
  EXPECT_FALSE(caller->Has("keys.read"));
}

TEST_F(AuthenticatorTest, ACertificateInTheMapIsACaller) {
  const auto caller = Show(std::nullopt, {"dns:other", "dns:billing"});
  ASSERT_TRUE(caller.ok());
  EXPECT_EQ(caller->actor(), "cert:dns:billing");
  EXPECT_TRUE(caller->Has("keys.read"));
}

TEST_F(AuthenticatorTest, NothingShownIsMissing) {
  EXPECT_EQ(ReasonFor(std::nullopt), Reason::kCredentialMissing);
  EXPECT_EQ(ReasonFor(std::nullopt, {"dns:other"}), Reason::kCredentialMissing);
}

TEST_F(AuthenticatorTest, AKeyWinsOverACertificateAndAWrongOneIsNotMadeGood) {
  const std::string raw = managed_.PutWithSecret(ManagementKey(1));
  EXPECT_EQ(Show("Bearer " + raw, {"dns:billing"})->key_id(), TestKeyId(1));
  EXPECT_EQ(ReasonFor("Bearer wrong", {"dns:billing"}), Reason::kCredentialInvalid);
  EXPECT_EQ(ReasonFor("", {"dns:billing"}), Reason::kCredentialInvalid);
}

TEST_F(AuthenticatorTest, WhateverIsWrongWithAKeyAnswersAlike) {
  const std::string good = managed_.PutWithSecret(ManagementKey(1));
  KeyRecord disabled = ManagementKey(2);
  disabled.disabled = true;
  KeyRecord revoked = ManagementKey(3);
  revoked.revocation = Revocation{.time = managed_.clock.Now(), .note = ""};
  KeyRecord expired = ManagementKey(4);
  expired.expire_time = managed_.clock.Now();
  const std::string unknown(
      GenerateKey("clv", Environment::kLive, TestKeyId(5), managed_.random)->ExposeSecret());
  const std::string wrong_secret(
      GenerateKey("clv", Environment::kLive, TestKeyId(1), managed_.random)->ExposeSecret());
  const absl::Status answer = Show("Bearer x").status();
  for (const std::string& header :
       {std::string(), good, "Basic " + good, std::string("Bearer"), "Bearer  " + good,
        "Bearer " + good + " ", "Bearer " + managed_.PutWithSecret(disabled),
        "Bearer " + managed_.PutWithSecret(revoked), "Bearer " + managed_.PutWithSecret(expired),
        "Bearer " + unknown, "Bearer " + wrong_secret, std::string("Bearer \0", 8)}) {
    EXPECT_EQ(Show(header).status(), answer) << header;
  }
  EXPECT_THAT(std::string(answer.message()), HasSubstr("'Bearer '"));
}

TEST_F(AuthenticatorTest, AKeyForAddressesNeedsOneOfThem) {
  KeyRecord key = ManagementKey(1);
  key.allowed_cidrs = {*Cidr::Parse("10.0.0.0/24")};
  const std::string header = "Bearer " + managed_.PutWithSecret(key);
  EXPECT_TRUE(Show(header, {}, "10.0.0.255").ok());
  EXPECT_EQ(ReasonFor(header, {}, "10.0.1.0"), Reason::kCredentialInvalid);
  EXPECT_EQ(ReasonFor(header, {}, "unix"), Reason::kCredentialInvalid);
  EXPECT_EQ(ReasonFor(header, {}, ""), Reason::kCredentialInvalid);
}

TEST_F(AuthenticatorTest, AKeyEndsAtItsTime) {
  KeyRecord key = ManagementKey(1);
  key.expire_time = managed_.clock.Now() + absl::Minutes(1);
  const std::string header = "Bearer " + managed_.PutWithSecret(key);
  EXPECT_TRUE(Show(header).ok());
  managed_.clock.Advance(absl::Minutes(1));
  EXPECT_EQ(ReasonFor(header), Reason::kCredentialInvalid);
}

TEST_F(AuthenticatorTest, AKeyThatIsBoundOtherwiseIsAnotherCaller) {
  KeyRecord key = ManagementKey(1);
  key.bound_project_ids = {"a", "b"};
  const auto caller = Show("Bearer " + managed_.PutWithSecret(key));
  ASSERT_TRUE(caller.ok()) << caller.status();
  EXPECT_TRUE(authenticator_.Recheck(*caller, "keys.read").ok());
  EXPECT_EQ(authenticator_.Recheck(*caller, "audit.read").code(),
            absl::StatusCode::kPermissionDenied);
  key = (*managed_.verifier.Find(key.id))->record();
  for (const std::vector<std::string>& bound :
       {std::vector<std::string>{"a"}, {"a", "b", "c"}, {"a", "c"}}) {
    key.bound_project_ids = bound;
    managed_.Put(key);
    EXPECT_EQ(authenticator_.Recheck(*caller, "keys.read").code(), absl::StatusCode::kAborted);
  }
  key.bound_project_ids = {"a", "b"};
  key.display_name = "another name";
  managed_.Put(key);
  EXPECT_TRUE(authenticator_.Recheck(*caller, "keys.read").ok());
}

TEST_F(AuthenticatorTest, ACertificateThatIsBoundOtherwiseIsAnotherCaller) {
  const auto caller = Show(std::nullopt, {"dns:billing"});
  ASSERT_TRUE(caller.ok()) << caller.status();
  EXPECT_TRUE(authenticator_.Recheck(*caller, "keys.read").ok());
  certificates_.Replace(*ParseCallerMap(
      R"({"callers": [{"san": "dns:billing", "permissions": ["keys.read"], "project_ids": ["billing"]}]})"));
  EXPECT_EQ(authenticator_.Recheck(*caller, "keys.read").code(), absl::StatusCode::kAborted);
}

TEST_F(AuthenticatorTest, AMapThatWasReplacedHoldsAtOnce) {
  certificates_.Replace(CallerMap());
  EXPECT_EQ(ReasonFor(std::nullopt, {"dns:billing"}), Reason::kCredentialMissing);
}

}  // namespace
}  // namespace claviger
