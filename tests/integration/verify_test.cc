// What checks answer, and what they do not tell.

#include "core/digest.h"
#include "core/key_format.h"
#include "tests/integration/server_test.h"

namespace claviger {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class VerifyTest : public ServerTest {
 protected:
  std::string MadeUpKey(const KeyId& id) {
    return std::string(GenerateKey("clv", Environment::kLive, id, random_)->ExposeSecret());
  }

  static v1::VerifyRequest DigestCheck(const std::string& id, const KeyHash& hash) {
    v1::VerifyRequest request;
    request.mutable_digest()->set_key_id(id);
    request.mutable_digest()->set_sha256(std::string(AsBytes(hash.bytes)));
    return request;
  }

  SystemRandom random_;
};

TEST_F(VerifyTest, WhatIsNotAKeyOfOursAnswersByteForByteAlike) {
  MakeProject("shop");
  const IssuedKey key = Issue("shop", {"a"});
  const KeyId id = *KeyId::Parse(key.info().key_id());
  std::string bad_checksum = key.key();
  bad_checksum.back() = bad_checksum.back() == '0' ? '1' : '0';
  std::string other_prefix = key.key();
  other_prefix[0] = 'x';
  v1::VerifyRequest foreign = CheckOf(key.key());
  foreign.set_project_id("default");
  v1::VerifyRequest nowhere = CheckOf(key.key());
  nowhere.set_project_id("nowhere");

  struct Case {
    std::string name;
    v1::VerifyRequest request;
  };
  const std::string expected = Verify(CheckOf("garbage")).SerializeAsString();
  for (Case row : std::vector<Case>{
           {"empty", CheckOf("")},
           {"bytes", CheckOf(std::string("\0\n\x7f", 3))},
           {"a wrong checksum", CheckOf(bad_checksum)},
           {"another prefix", CheckOf(other_prefix)},
           {"an unknown id", CheckOf(MadeUpKey(*KeyId::Generate(random_)))},
           {"a wrong secret", CheckOf(MadeUpKey(id))},
           {"a foreign project", foreign},
           {"a project that does not exist", nowhere},
           {"an unknown id by digest", DigestCheck("00nosuchkey00000", HashKey(key.key()))},
           {"a wrong digest", DigestCheck(id.ToString(), HashKey("other"))}}) {
    EXPECT_EQ(Verify(row.request).SerializeAsString(), expected) << row.name;
    // Whatever else is asked of it: nothing is known about it.
    row.request.add_required_scopes("b");
    row.request.set_client_ip("10.0.0.1");
    EXPECT_EQ(Verify(row.request).SerializeAsString(), expected) << row.name;
  }
  EXPECT_EQ(CodeOf(key.key()), v1::VERIFY_CODE_VALID);
}

TEST_F(VerifyTest, AWrongSecretDoesNotLockTheKey) {
  const IssuedKey key = Issue();
  const KeyId id = *KeyId::Parse(key.info().key_id());
  for (int i = 0; i < 100; ++i) EXPECT_EQ(CodeOf(MadeUpKey(id)), v1::VERIFY_CODE_NOT_FOUND);
  EXPECT_EQ(CodeOf(key.key()), v1::VERIFY_CODE_VALID);
}

TEST_F(VerifyTest, TheStateOfAKeyIsForThoseWhoHaveItsSecret) {
  const IssuedKey key = Issue();
  Revoke(key.info().key_id());
  EXPECT_EQ(CodeOf(key.key()), v1::VERIFY_CODE_REVOKED);
  EXPECT_EQ(CodeOf(MadeUpKey(*KeyId::Parse(key.info().key_id()))), v1::VERIFY_CODE_NOT_FOUND);
}

TEST_F(VerifyTest, AllRequiredScopesAndOneOfTheOthers) {
  const IssuedKey key = Issue("default", {"a:*", "b"});
  v1::VerifyRequest request = CheckOf(key.key(), {"a:x", "b"});
  request.add_any_scopes("nothing");
  request.add_any_scopes("a:y:z");
  EXPECT_EQ(Verify(request).code(), v1::VERIFY_CODE_VALID);

  request.set_any_scopes(1, "other");
  const v1::VerifyResponse none_of_any = Verify(request);
  EXPECT_EQ(none_of_any.code(), v1::VERIFY_CODE_INSUFFICIENT_SCOPE);
  EXPECT_THAT(none_of_any.missing_scopes(), ElementsAre("nothing", "other"));
  EXPECT_EQ(none_of_any.grant().key_id(), key.info().key_id());

  request.add_required_scopes("a");
  const v1::VerifyResponse required = Verify(request);
  EXPECT_THAT(required.missing_scopes(), ElementsAre("a"));
}

TEST_F(VerifyTest, AKeyForAddressesIsGoodFromThemOnly) {
  v1::IssueKeyRequest issue = NewKey();
  issue.add_allowed_cidrs("10.0.0.0/8");
  issue.add_allowed_cidrs("2001:db8::/32");
  const IssuedKey key = Issue(issue);
  const auto from = [&](const std::string& address) {
    v1::VerifyRequest request = CheckOf(key.key());
    request.set_client_ip(address);
    return Verify(request);
  };
  EXPECT_EQ(from("10.1.2.3").code(), v1::VERIFY_CODE_VALID);
  EXPECT_EQ(from("::ffff:10.1.2.3").code(), v1::VERIFY_CODE_VALID);
  EXPECT_EQ(from("2001:db8::7").code(), v1::VERIFY_CODE_VALID);
  EXPECT_EQ(from("11.0.0.0").code(), v1::VERIFY_CODE_ADDRESS_NOT_ALLOWED);
  EXPECT_TRUE(from("11.0.0.0").has_grant());
  // The connection comes from 127.0.0.1, and nobody guesses from that.
  EXPECT_EQ(from("").code(), v1::VERIFY_CODE_ADDRESS_NOT_ALLOWED);
}

TEST_F(VerifyTest, ADenialOfAnOutlawedKeyGrantsNothing) {
  const IssuedKey disabled = Issue();
  Disable(disabled.info().key_id());
  v1::IssueKeyRequest issue = NewKey();
  SetDuration(absl::Seconds(1), issue.mutable_ttl());
  const IssuedKey expired = Issue(issue);
  server_.clock().Advance(absl::Seconds(1));
  for (const std::string& key : {disabled.key(), expired.key()}) {
    const v1::VerifyResponse answer = Verify(CheckOf(key, {"a"}));
    EXPECT_FALSE(answer.valid());
    EXPECT_FALSE(answer.has_grant());
    EXPECT_THAT(answer.missing_scopes(), IsEmpty());
  }
  EXPECT_EQ(CodeOf(disabled.key()), v1::VERIFY_CODE_DISABLED);
  EXPECT_EQ(CodeOf(expired.key()), v1::VERIFY_CODE_EXPIRED);
}

TEST_F(VerifyTest, AnExplanationSaysWhatTheCodeMay) {
  const IssuedKey key = Issue("default", {"a"});
  const auto explain = [&](v1::VerifyRequest request) {
    request.set_explain(true);
    return Verify(request).explanation();
  };
  EXPECT_THAT(explain(CheckOf(key.key())), HasSubstr("good"));
  EXPECT_THAT(explain(CheckOf(key.key(), {"b", "c"})), HasSubstr("b, c"));
  const std::string garbage = explain(CheckOf("garbage"));
  EXPECT_THAT(garbage, Not(IsEmpty()));
  EXPECT_EQ(explain(CheckOf(MadeUpKey(*KeyId::Parse(key.info().key_id())))), garbage);
  Revoke(key.info().key_id());
  EXPECT_THAT(explain(CheckOf(key.key())), HasSubstr("revoked"));
}

TEST_F(VerifyTest, RevisionsRiseAndTheEpochStaysOverARestart) {
  const v1::VerifyResponse before = Verify(CheckOf("x"));
  Issue();
  const v1::VerifyResponse after = Verify(CheckOf("x"));
  EXPECT_GT(after.revision(), before.revision());
  EXPECT_EQ(after.epoch(), before.epoch());
  Restart();
  const v1::VerifyResponse later = Verify(CheckOf("x"));
  EXPECT_GE(later.revision(), after.revision());
  EXPECT_EQ(later.epoch(), before.epoch());
}

TEST_F(VerifyTest, AClockSetBackRevivesNothing) {
  v1::IssueKeyRequest issue = NewKey();
  SetDuration(absl::Hours(1), issue.mutable_ttl());
  const IssuedKey key = Issue(issue);
  server_.clock().Advance(absl::Hours(2));
  Issue();  // the store has seen this time now
  EXPECT_EQ(CodeOf(key.key()), v1::VERIFY_CODE_EXPIRED);
  server_.clock().SetNow(server_.clock().Now() - absl::Hours(24));
  Restart();
  EXPECT_EQ(CodeOf(key.key()), v1::VERIFY_CODE_EXPIRED);
}

}  // namespace
}  // namespace claviger
