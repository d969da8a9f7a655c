// LookupKey: which key a text is.

#include "core/digest.h"
#include "core/key_format.h"
#include "tests/integration/bad_input.h"

namespace claviger {
namespace {

constexpr char kNoKey[] = "00nosuchkey00000";

v1::LookupKeyRequest ByText(const std::string& key) {
  v1::LookupKeyRequest request;
  request.set_key(key);
  return request;
}

v1::LookupKeyRequest ByDigest(const std::string& key_id, const std::string& text) {
  v1::LookupKeyRequest request;
  request.mutable_digest()->set_key_id(key_id);
  request.mutable_digest()->set_sha256(std::string(AsBytes(HashKey(text).bytes)));
  return request;
}

v1::LookupKeyRequest ByHead(const std::string& head) {
  v1::LookupKeyRequest request;
  request.set_key_prefix(head);
  return request;
}

class LookupKeyTest : public BadInputTest {
 protected:
  void SetUp() override {
    MakeProject("shop");
    key_ = Issue("shop", {"a"});
  }

  IssuedKey key_;
};

TEST_F(LookupKeyTest, AKeyIsFoundByItsTextItsDigestAndItsHead) {
  const v1::Key& info = key_.info();
  for (const auto& request : {ByText(key_.key()), ByDigest(info.key_id(), key_.key())}) {
    const auto found = root().Call(request);
    ASSERT_THAT(found, IsOk());
    EXPECT_EQ(found->info().SerializeAsString(), Get(info.key_id()).SerializeAsString());
    EXPECT_EQ(found->match(), v1::LOOKUP_MATCH_SECRET);
  }
  const auto found = root().Call(ByHead(info.key_prefix()));
  ASSERT_THAT(found, IsOk());
  EXPECT_EQ(found->info().key_id(), info.key_id());
  EXPECT_EQ(found->match(), v1::LOOKUP_MATCH_PREFIX);
}

TEST_F(LookupKeyTest, AKeyIsFoundInEveryState) {
  Disable(key_.info().key_id());
  EXPECT_EQ(root().Call(ByText(key_.key()))->info().state(), v1::KEY_STATE_DISABLED);
  Revoke(key_.info().key_id());
  const auto revoked = root().Call(ByText(key_.key()));
  ASSERT_THAT(revoked, IsOk());
  EXPECT_EQ(revoked->info().state(), v1::KEY_STATE_REVOKED);
  v1::IssueKeyRequest request = NewKey("shop");
  SetDuration(absl::Hours(1), request.mutable_ttl());
  const IssuedKey expiring = Issue(request);
  server_.clock().Advance(absl::Hours(2));
  EXPECT_EQ(root().Call(ByText(expiring.key()))->info().state(), v1::KEY_STATE_EXPIRED);
}

// A secret that does not match, and all that is out of sight, is as if it were not there.
TEST_F(LookupKeyTest, WhateverIsNotFoundAnswersTheSameBytes) {
  const std::string id = key_.info().key_id();
  const TestCaller bound = Manager({"keys.lookup"}, {"default"});
  SystemRandom random;
  const auto forged = GenerateKey("clv", Environment::kLive, *KeyId::Parse(id), random);
  const std::string nothing = BytesOf(root().Call(ByText("garbage")).status);
  EXPECT_THAT(root().Call(ByText("garbage")), IsError(StatusCode::NOT_FOUND, "KEY_NOT_FOUND"));
  for (const auto& [what, status] : std::vector<std::pair<std::string, grpc::Status>>{
           {"another secret", root().Call(ByText(std::string(forged->ExposeSecret()))).status},
           {"another digest", root().Call(ByDigest(id, "other")).status},
           {"no such id", root().Call(ByDigest(kNoKey, key_.key())).status},
           {"a key of another project", bound.Call(ByText(key_.key())).status},
           {"its digest", bound.Call(ByDigest(id, key_.key())).status},
           {"its head", bound.Call(ByHead(key_.info().key_prefix())).status},
           {"a head of no key", root().Call(ByHead(std::string("clv_live_") + kNoKey)).status},
           {"another prefix", root().Call(ByHead("abc_live_" + id)).status},
           {"another environment", root().Call(ByHead("clv_test_" + id)).status}}) {
    EXPECT_EQ(BytesOf(status), nothing) << what;
  }
}

TEST_F(LookupKeyTest, EveryFieldHasItsBounds) {
  using Request = v1::LookupKeyRequest;
  std::vector<BadInput<Request>> rows;
  rows.push_back({"nothing", [](Request& r) { r.clear_credential(); }, "credential",
                  "key, digest or key_prefix", "FIELD_REQUIRED"});
  rows.push_back(
      {"an empty key", [](Request& r) { r.set_key(""); }, "key", "whole text", "FIELD_REQUIRED"});
  rows.push_back({"a key of 1025 bytes", [](Request& r) { r.set_key(std::string(1025, 'x')); },
                  "key", "at most 1024 bytes"});
  for (const std::string head :
       {"", "clv_live", "clv_live_", "clv_prod_00nosuchkey00000", "c_live_00nosuchkey00000",
        "clv_live_00nosuchkey0000", "clv_live_00nosuchkey000000", "clv-live-00nosuchkey00000",
        "_live_00nosuchkey00000"}) {
    rows.push_back({"head " + head, [head](Request& r) { r.set_key_prefix(head); }, "key_prefix",
                    "<prefix>_<live|test>_<key id>"});
  }
  rows.push_back({"a digest of nothing", [](Request& r) { r.mutable_digest(); }, "digest",
                  "key_id and sha256", "FIELD_REQUIRED"});
  ExpectRefused(ByText(key_.key()), rows);
}

TEST_F(LookupKeyTest, TheKeyStandsInNoLogAndNoError) {
  root().Call(ByText(key_.key()));
  root().Call(ByText(key_.key() + "x"));
  server_.Anonymous().Call(ByText(key_.key()));
  Manager({}).Call(ByText(key_.key()));
  const std::string secret = key_.key().substr(26, 20);
  for (const std::string& line : TestServer::LogLines()) {
    EXPECT_EQ(line.find(secret), std::string::npos) << line;
  }
}

}  // namespace
}  // namespace claviger
