// Who is let in at all.

#include "core/key_format.h"
#include "tests/integration/every_call.h"

namespace claviger {
namespace {

using ::testing::HasSubstr;

const auto kInvalid = [] { return IsError(StatusCode::UNAUTHENTICATED, "CREDENTIAL_INVALID"); };

class CredentialsTest : public ServerTest {
 protected:
  // A key that somebody without the secret can make up: all of it right but the secret.
  std::string ForgeSecret(const std::string& key) {
    const ParsedKey parsed = *ParseKey(key);
    SystemRandom random;
    return std::string(
        GenerateKey(parsed.prefix, parsed.environment, parsed.id, random)->ExposeSecret());
  }

  v1::ListKeysRequest request_;
};

TEST_F(CredentialsTest, EveryCallNeedsACaller) {
  for (const AnyCall& call : EveryCallAbout("00nosuchkey00000", "default", "x")) {
    EXPECT_THAT(server_.Anonymous().Send(*call.request),
                IsError(StatusCode::UNAUTHENTICATED, "CREDENTIAL_MISSING"))
        << call.name();
    EXPECT_THAT(server_.As("clv_live_wrong").Send(*call.request), kInvalid()) << call.name();
  }
}

TEST_F(CredentialsTest, AMissingCredentialSaysWhatToShow) {
  const RpcError error = ErrorOf(server_.Anonymous().Call(request_).status);
  EXPECT_THAT(error.message, HasSubstr("authorization: Bearer <key>"));
  EXPECT_THAT(error.message, HasSubstr("client certificate"));
}

TEST_F(CredentialsTest, WhateverIsWrongWithACredentialAnswersAlike) {
  const std::string good = IssueManagementKey({"keys.read"}).key();
  std::string bad_checksum = good;
  bad_checksum.back() = bad_checksum.back() == '0' ? '1' : '0';

  const IssuedKey disabled = IssueManagementKey({"keys.read"});
  Disable(disabled.info().key_id());
  const IssuedKey revoked = IssueManagementKey({"keys.read"});
  Revoke(revoked.info().key_id());
  v1::IssueKeyRequest request = NewKey("claviger", {"keys.read"});
  SetDuration(absl::Minutes(1), request.mutable_ttl());
  const std::string expired = Issue(request).key();
  request = NewKey("claviger", {"keys.read"});
  request.add_allowed_cidrs("10.0.0.0/8");
  const std::string from_elsewhere = Issue(request).key();
  EXPECT_THAT(server_.As(expired).Call(request_), IsOk());
  server_.clock().Advance(absl::Minutes(1));

  ASSERT_THAT(server_.As(good).Call(request_), IsOk());
  const std::string answer = BytesOf(server_.As("garbage").Call(request_).status);
  for (const auto& [what, header] : std::vector<std::pair<std::string, std::string>>{
           {"no scheme", good},
           {"another scheme", "Basic " + good},
           {"nothing behind the scheme", "Bearer"},
           {"a blank behind the scheme", "Bearer "},
           {"two blanks", "Bearer  " + good},
           {"something behind the key", "Bearer " + good + "x"},
           {"half of the key", "Bearer " + good.substr(0, good.size() / 2)},
           {"a wrong checksum", "Bearer " + bad_checksum},
           {"a wrong secret", "Bearer " + ForgeSecret(good)},
           {"a disabled key", "Bearer " + disabled.key()},
           {"a revoked key", "Bearer " + revoked.key()},
           {"an expired key", "Bearer " + expired},
           {"a key for other addresses", "Bearer " + from_elsewhere},
           {"a long header", "Bearer " + std::string(4000, 'x')}}) {
    const auto outcome = server_.Anonymous().WithHeader(header).Call(request_);
    EXPECT_THAT(outcome, kInvalid()) << what;
    EXPECT_EQ(BytesOf(outcome.status), answer) << what;
  }
}

TEST_F(CredentialsTest, TheSchemeIsReadInAnyCase) {
  for (const std::string scheme : {"Bearer ", "bearer ", "BEARER "}) {
    EXPECT_THAT(server_.Anonymous().WithHeader(scheme + server_.root_key()).Call(request_), IsOk())
        << scheme;
  }
}

TEST_F(CredentialsTest, AManagementKeyWorksFromItsAddressesOnly) {
  v1::IssueKeyRequest request = NewKey("claviger", {"keys.read"});
  request.add_allowed_cidrs("127.0.0.0/8");
  EXPECT_THAT(server_.As(Issue(request).key()).Call(request_), IsOk());
  request.set_allowed_cidrs(0, "127.0.0.2/32");
  EXPECT_THAT(server_.As(Issue(request).key()).Call(request_), kInvalid());
}

TEST_F(CredentialsTest, ADisabledCallerComesBackWhenItIsEnabled) {
  const IssuedKey key = IssueManagementKey({"keys.read"});
  Disable(key.info().key_id());
  EXPECT_THAT(server_.As(key.key()).Call(request_), kInvalid());
  v1::EnableKeyRequest enable;
  enable.set_key_id(key.info().key_id());
  ASSERT_THAT(root().Call(enable), IsOk());
  EXPECT_THAT(server_.As(key.key()).Call(request_), IsOk());
}

TEST_F(CredentialsTest, NarrowedPermissionsHoldForTheNextCall) {
  const IssuedKey key = IssueManagementKey({"keys.read", "keys.verify"});
  v1::UpdateScopesRequest narrow;
  narrow.set_key_id(key.info().key_id());
  narrow.add_remove("keys.read");
  ASSERT_THAT(root().Call(narrow), IsOk());
  EXPECT_THAT(server_.As(key.key()).Call(request_),
              IsError(StatusCode::PERMISSION_DENIED, "PERMISSION_DENIED"));
}

}  // namespace
}  // namespace claviger
