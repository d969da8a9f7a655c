// Verify and BatchVerify and every bound of their fields.

#include "tests/integration/bad_input.h"

namespace claviger {
namespace {

using Request = v1::VerifyRequest;

class VerifyBadInputTest : public BadInputTest {
 protected:
  void SetUp() override { issued_ = Issue("default", {"a:b"}); }

  Request Good() const { return CheckOf(issued_.key()); }

  static SetText<Request> Sha256() {
    return [](Request& r, const std::string& s) {
      r.mutable_digest()->set_key_id("00nosuchkey00000");
      r.mutable_digest()->set_sha256(s);
    };
  }

  IssuedKey issued_;
};

TEST_F(VerifyBadInputTest, TheCredentialIsAKeyOrADigest) {
  std::vector<BadInput<Request>> rows =
      BadKeyIds<Request>("digest.key_id", [](Request& r, const std::string& s) {
        r.mutable_digest()->set_key_id(s);
        r.mutable_digest()->set_sha256(std::string(32, 'x'));
      });
  // Without a key id it is a question about a text of elsewhere, and no mistake.
  std::erase_if(rows, [](const auto& row) { return row.reason == "FIELD_REQUIRED"; });
  rows.push_back({"a SHA-512 beside a key id",
                  [](Request& r) {
                    Sha256()(r, std::string(32, 'x'));
                    r.mutable_digest()->set_sha512(std::string(64, 'x'));
                  },
                  "digest.sha512", "together with key_id", "FIELD_CONFLICT"});
  rows.push_back({"no digest of a text of elsewhere", [](Request& r) { r.mutable_digest(); },
                  "digest", "key_id and sha256", "FIELD_REQUIRED"});
  for (const size_t size : {63u, 65u}) {
    rows.push_back({std::to_string(size) + " bytes of SHA-512",
                    [size](Request& r) { r.mutable_digest()->set_sha512(std::string(size, 'x')); },
                    "digest.sha512", "64 bytes"});
  }
  rows.push_back({"31 bytes of a text of elsewhere",
                  [](Request& r) { r.mutable_digest()->set_sha256(std::string(31, 'x')); },
                  "digest.sha256", "32 bytes"});
  for (const size_t size : {0u, 31u, 33u, 64u}) {
    rows.push_back({std::to_string(size) + " bytes",
                    [size](Request& r) { Sha256()(r, std::string(size, 'x')); }, "digest.sha256",
                    "32 bytes"});
  }
  rows.push_back({"neither", [](Request& r) { r.clear_credential(); }, "credential",
                  "key or digest", "FIELD_REQUIRED"});
  rows.push_back({"a key of 1025 bytes", [](Request& r) { r.set_key(std::string(1025, 'x')); },
                  "key", "at most 1024 bytes"});
  ExpectRefused(Good(), rows);
  ExpectTaken<Request>(
      Good(),
      {{"a key of 1024 bytes", [](Request& r) { r.set_key(std::string(1024, 'x')); }},
       {"an empty key", [](Request& r) { r.set_key(""); }},
       {"a key with a NUL", [](Request& r) { r.set_key(std::string("clv\0live", 8)); }},
       {"a SHA-512 alone", [](Request& r) { r.mutable_digest()->set_sha512(std::string(64, 0)); }},
       {"32 bytes", [](Request& r) { Sha256()(r, std::string(32, 0)); }}});
}

TEST_F(VerifyBadInputTest, RequiredScopesHaveNoWildcards) {
  std::vector<BadInput<Request>> rows;
  for (const std::string& text :
       {std::string(), std::string("*"), std::string("a:*"), std::string("A"), std::string("a::b"),
        std::string("a\n"), std::string(65, 'a'), ScopeOfLength(513)}) {
    rows.push_back({"required " + text, [text](Request& r) { r.add_required_scopes(text); },
                    "required_scopes[0]", "without '*'"});
    rows.push_back({"any " + text,
                    [text](Request& r) {
                      r.add_any_scopes("a:b");
                      r.add_any_scopes(text);
                    },
                    "any_scopes[1]", "without '*'"});
  }
  const auto many = [](int count, auto add) {
    return [=](Request& r) {
      for (int i = 0; i < count; ++i) add(r, "s" + std::to_string(i));
    };
  };
  const auto required = [](Request& r, const std::string& s) { r.add_required_scopes(s); };
  const auto any = [](Request& r, const std::string& s) { r.add_any_scopes(s); };
  rows.push_back({"65 required", many(65, required), "required_scopes", "at most 64"});
  rows.push_back({"65 any", many(65, any), "any_scopes", "at most 64"});
  ExpectRefused(Good(), rows);
  ExpectTaken<Request>(
      Good(), {{"64 required", many(64, required)},
               {"64 any", many(64, any)},
               {"longest", [](Request& r) { r.add_required_scopes(ScopeOfLength(512)); }}});
}

TEST_F(VerifyBadInputTest, OtherFields) {
  std::vector<BadInput<Request>> rows = BadProjectIds<Request>(
      "project_id", [](Request& r, const std::string& s) { r.set_project_id(s); });
  rows.erase(rows.begin());  // empty is accepted here: any project
  for (const std::string& text :
       {std::string("home"), std::string("10.0.0.1:80"), std::string("[::1]"),
        std::string("10.0.0"), std::string("10.0.0.0/8"), std::string("fe80::1%eth0"),
        std::string("10.0.0.1\0", 9), std::string(" 10.0.0.1")}) {
    rows.push_back({"client_ip " + text, [text](Request& r) { r.set_client_ip(text); }, "client_ip",
                    "without a port or zone"});
  }
  const SetText<Request> route = [](Request& r, const std::string& s) { r.set_route(s); };
  Append(rows, BadTexts("route", 128, route));
  ExpectRefused(Good(), rows);

  std::vector<GoodInput<Request>> good = LongestTexts("route", 128, route);
  Append<GoodInput<Request>>(
      good, {{"v4", [](Request& r) { r.set_client_ip("10.0.0.1"); }},
             {"v6", [](Request& r) { r.set_client_ip("2001:db8::1"); }},
             {"v4 in v6", [](Request& r) { r.set_client_ip("::ffff:10.0.0.1"); }},
             {"unknown project", [](Request& r) { r.set_project_id("nowhere"); }}});
  ExpectTaken(Good(), good);
}

TEST_F(VerifyBadInputTest, ARevisionToComeIsUnavailableForNow) {
  Request request = Good();
  const uint64_t reached = Verify(request).revision();
  request.set_at_least_revision(reached);
  EXPECT_THAT(root().Call(request), IsOk());
  request.set_at_least_revision(reached + 1);
  const auto answer = root().Call(request);
  EXPECT_THAT(answer,
              IsError(StatusCode::UNAVAILABLE, "REVISION_NOT_REACHED", "at_least_revision"));
  EXPECT_EQ(ErrorOf(answer.status).retry_delay, absl::Seconds(1));
}

TEST_F(VerifyBadInputTest, ABatchHas1To1000Checks) {
  using Batch = v1::BatchVerifyRequest;
  const auto checks = [&](int count) {
    Batch batch;
    for (int i = 0; i < count; ++i) *batch.add_checks() = Good();
    return batch;
  };
  ExpectRefused<Batch>(Batch(),
                       {{"none", [](Batch&) {}, "checks", "1 to 1000"},
                        {"1001", [&](Batch& b) { b = checks(1001); }, "checks", "1 to 1000"}});
  const auto answer = root().Call(checks(1000));
  ASSERT_THAT(answer, IsOk());
  ASSERT_EQ(answer->results_size(), 1000);
  for (const v1::BatchVerifyResult& result : answer->results()) {
    EXPECT_TRUE(result.response().valid());
  }
}

TEST_F(VerifyBadInputTest, ACheckOfABatchThatNeedsARevisionToComeIsNotMadeAndTheOthersAre) {
  v1::BatchVerifyRequest batch;
  *batch.add_checks() = Good();
  batch.add_checks()->set_at_least_revision(1'000'000);
  batch.mutable_checks(1)->set_key("x");
  const auto answer = root().Call(batch);
  ASSERT_THAT(answer, IsOk());
  EXPECT_TRUE(answer->results(0).response().valid());
  EXPECT_FALSE(answer->results(1).has_response());
  EXPECT_EQ(answer->results(1).error().reason(), "REVISION_NOT_REACHED");
}

TEST_F(VerifyBadInputTest, AMalformedCheckOfABatchSaysWhatIsAccepted) {
  v1::BatchVerifyRequest batch;
  *batch.add_checks() = Good();
  *batch.add_checks() = Good();
  batch.mutable_checks(1)->set_client_ip("home");
  const auto answer = root().Call(batch);
  ASSERT_THAT(answer, IsOk());
  EXPECT_TRUE(answer->results(0).response().valid());
  EXPECT_FALSE(answer->results(1).has_response());
  EXPECT_EQ(answer->results(1).error().reason(), "FIELD_INVALID");
  EXPECT_THAT(answer->results(1).error().message(), testing::HasSubstr("client_ip: must be an IP"));
}

}  // namespace
}  // namespace claviger
