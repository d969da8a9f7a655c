// ImportKeys, and what becomes of keys that were brought in.

#include <filesystem>

#include "absl/strings/escaping.h"
#include "core/digest.h"
#include "tests/integration/bad_input.h"

namespace claviger {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kText[] = "sk_live_51H8f0aZZ";

std::string Sha256Of(const std::string& text) { return ToHex(AsBytes(Sha256(text))); }
std::string Sha512Of(const std::string& text) { return ToHex(AsBytes(Sha512(text))); }

class ImportKeysTest : public BadInputTest {
 protected:
  void SetUp() override {
    MakeProject("shop", {"orders:read", "orders:write"});
    MakeProject("other");
  }

  static v1::ImportedKey Row(const std::string& text, const Strings& scopes = {}) {
    v1::ImportedKey key;
    key.set_sha256(Sha256Of(text));
    key.set_display_name("an old key");
    for (const std::string& scope : scopes) key.add_scopes(scope);
    return key;
  }
  static v1::ImportKeysRequest Request(const std::vector<v1::ImportedKey>& rows,
                                       const std::string& project_id = "shop") {
    v1::ImportKeysRequest request;
    request.set_project_id(project_id);
    for (const v1::ImportedKey& row : rows) *request.add_keys() = row;
    return request;
  }
  v1::ImportKeysResponse Import(const v1::ImportKeysRequest& request) {
    const auto answer = root().Call(request);
    EXPECT_THAT(answer, IsOk());
    EXPECT_EQ(answer->results_size(), answer.ok() ? request.keys_size() : 0);
    return answer.answer;
  }
  // The id of the one key.
  std::string Import(const v1::ImportedKey& row, const std::string& project_id = "shop") {
    const v1::ImportKeysResponse answer = Import(Request({row}, project_id));
    EXPECT_EQ(answer.imported_count(), 1) << answer.DebugString();
    return answer.results(0).key_id();
  }
};

TEST_F(ImportKeysTest, AKeyOfElsewhereVerifiesByItsTextAndHasItsAttributes) {
  v1::ImportedKey row = Row(kText, {"orders:read"});
  row.set_description("from the old system");
  row.set_environment(v1::ENVIRONMENT_TEST);
  row.set_owner("alice");
  (*row.mutable_labels())["team"] = "blue";
  (*row.mutable_metadata()->mutable_fields())["plan"].set_string_value("gold");
  row.add_allowed_cidrs("10.0.0.0/8");
  row.set_masked_key("sk_l…aZZ");
  SetDuration(absl::Hours(24), row.mutable_ttl());
  const std::string id = Import(row);

  const v1::Key key = Get(id);
  EXPECT_TRUE(key.imported());
  EXPECT_EQ(key.key_prefix(), "");
  EXPECT_EQ(key.masked_key(), "sk_l…aZZ");
  EXPECT_EQ(key.project_id(), "shop");
  EXPECT_EQ(key.display_name(), "an old key");
  EXPECT_EQ(key.description(), "from the old system");
  EXPECT_EQ(key.environment(), v1::ENVIRONMENT_TEST);
  EXPECT_EQ(key.owner(), "alice");
  EXPECT_THAT(key.scopes(), ElementsAre("orders:read"));
  EXPECT_THAT(key.allowed_cidrs(), ElementsAre("10.0.0.0/8"));
  EXPECT_EQ(ToTime(key.expire_time()), server_.clock().Now() + absl::Hours(24));

  v1::VerifyRequest check = CheckOf(kText, {"orders:read"});
  check.set_client_ip("10.1.1.1");
  for (int i = 0; i < 2; ++i) {
    const v1::VerifyResponse answer = Verify(check);
    EXPECT_EQ(answer.code(), v1::VERIFY_CODE_VALID);
    EXPECT_EQ(answer.grant().key_id(), id);
    EXPECT_EQ(answer.grant().owner(), "alice");
  }
  EXPECT_EQ(CodeOf(kText), v1::VERIFY_CODE_ADDRESS_NOT_ALLOWED);
  check.add_required_scopes("orders:write");
  EXPECT_EQ(Verify(check).code(), v1::VERIFY_CODE_INSUFFICIENT_SCOPE);
  EXPECT_EQ(CodeOf(std::string(kText) + "x"), v1::VERIFY_CODE_NOT_FOUND);
}

TEST_F(ImportKeysTest, DigestsMayBeWrittenInSeveralWays) {
  const Sha256Bytes sha256 = Sha256("a");
  const Sha512Bytes sha512 = Sha512("b");
  const absl::string_view short_bytes(AsBytes(sha256).data(), sha256.size());
  const absl::string_view long_bytes(AsBytes(sha512).data(), sha512.size());
  std::string unpadded = absl::Base64Escape(short_bytes);
  unpadded.resize(unpadded.find('='));
  std::string upper = Sha256Of("a");
  for (char& c : upper) c = static_cast<char>(toupper(c));
  bool first = true;
  for (const std::string& text : {Sha256Of("a"), upper, absl::Base64Escape(short_bytes), unpadded,
                                  absl::WebSafeBase64Escape(short_bytes)}) {
    v1::ImportedKey row = Row("a");
    row.set_sha256(text);
    EXPECT_EQ(Import(Request({row})).results(0).outcome(),
              first ? v1::IMPORT_OUTCOME_IMPORTED : v1::IMPORT_OUTCOME_ALREADY_IMPORTED)
        << text;
    first = false;
  }
  first = true;
  for (const std::string& text :
       {Sha512Of("b"), absl::Base64Escape(long_bytes), absl::WebSafeBase64Escape(long_bytes)}) {
    v1::ImportedKey row = Row("b");
    row.set_sha512(text);
    EXPECT_EQ(Import(Request({row})).results(0).outcome(),
              first ? v1::IMPORT_OUTCOME_IMPORTED : v1::IMPORT_OUTCOME_ALREADY_IMPORTED)
        << text;
    first = false;
  }
  EXPECT_EQ(CodeOf("a"), v1::VERIFY_CODE_VALID);
  EXPECT_EQ(CodeOf("b"), v1::VERIFY_CODE_VALID);
}

TEST_F(ImportKeysTest, ItVerifiesByItsDigestsWithoutAKeyId) {
  Import(Row("a"));
  v1::ImportedKey by_512 = Row("b");
  by_512.set_sha512(Sha512Of("b"));
  Import(by_512);
  for (const std::string text : {"a", "b"}) {
    v1::VerifyRequest request;
    request.mutable_digest()->set_sha256(std::string(AsBytes(Sha256(text))));
    request.mutable_digest()->set_sha512(std::string(AsBytes(Sha512(text))));
    EXPECT_EQ(Verify(request).code(), v1::VERIFY_CODE_VALID) << text;
    // And is looked up so.
    v1::LookupKeyRequest lookup;
    *lookup.mutable_digest() = request.digest();
    EXPECT_EQ(root().Call(lookup)->info().imported(), true);
    lookup.set_key(text);
    EXPECT_EQ(root().Call(lookup)->match(), v1::LOOKUP_MATCH_SECRET);
  }
}

TEST_F(ImportKeysTest, TheSameAgainChangesNothing) {
  const std::string id = Import(Row(kText, {"orders:read"}));
  const auto before = Written();
  const v1::ImportKeysResponse again = Import(Request({Row(kText, {"orders:write"})}));
  EXPECT_EQ(again.results(0).outcome(), v1::IMPORT_OUTCOME_ALREADY_IMPORTED);
  EXPECT_EQ(again.results(0).key_id(), id);
  EXPECT_EQ(again.already_imported_count(), 1);
  EXPECT_EQ(Written(), before);
  EXPECT_THAT(Get(id).scopes(), ElementsAre("orders:read"));
}

TEST_F(ImportKeysTest, ARevokedKeyDoesNotComeBackByBeingImportedAgain) {
  const std::string id = Import(Row(kText));
  Revoke(id);
  EXPECT_EQ(Import(Request({Row(kText)})).results(0).outcome(),
            v1::IMPORT_OUTCOME_ALREADY_IMPORTED);
  EXPECT_EQ(CodeOf(kText), v1::VERIFY_CODE_REVOKED);
}

TEST_F(ImportKeysTest, ADigestOfAnotherProjectIsRefusedWithoutAWordAboutIt) {
  const std::string id = Import(Row(kText), "other");
  const v1::ImportKeysResponse answer = Import(Request({Row(kText)}));
  EXPECT_EQ(answer.rejected_count(), 1);
  EXPECT_EQ(answer.results(0).outcome(), v1::IMPORT_OUTCOME_REJECTED);
  EXPECT_EQ(answer.results(0).reason(), "DIGEST_IN_USE");
  EXPECT_EQ(answer.results(0).key_id(), "");
  EXPECT_EQ(answer.SerializeAsString().find(id), std::string::npos);
  EXPECT_EQ(answer.SerializeAsString().find("other"), std::string::npos);
}

TEST_F(ImportKeysTest, ABadRowDoesNotFailTheOthers) {
  v1::ImportedKey no_digest = Row("1");
  no_digest.clear_digest();
  v1::ImportedKey bad_digest = Row("2");
  bad_digest.set_sha256("abc");
  v1::ImportedKey short_512 = Row("3");
  short_512.set_sha512(Sha256Of("3"));
  v1::ImportedKey no_name = Row("4");
  no_name.clear_display_name();
  v1::ImportedKey past = Row("5");
  SetTime(server_.clock().Now() - absl::Hours(1), past.mutable_expire_time());
  v1::ImportedKey long_mask = Row("6");
  long_mask.set_masked_key(std::string(33, 'x'));
  const v1::ImportKeysResponse answer =
      Import(Request({Row("good"), no_digest, bad_digest, short_512, no_name, past, long_mask,
                      Row("scoped", {"admin"}), Row("good too")}));
  EXPECT_EQ(answer.imported_count(), 2);
  EXPECT_EQ(answer.rejected_count(), 7);
  const std::vector<std::pair<std::string, std::string>> expected = {
      {"FIELD_REQUIRED", "sha256 or sha512"},
      {"FIELD_INVALID", "sha256: must be 32 bytes"},
      {"FIELD_INVALID", "sha512: must be 64 bytes"},
      {"FIELD_REQUIRED", "display_name"},
      {"FIELD_INVALID", "expire_time"},
      {"FIELD_INVALID", "masked_key"},
      {"SCOPE_NOT_IN_CATALOG", "scopes: the scope catalog of project shop does not cover"}};
  for (size_t i = 0; i < expected.size(); ++i) {
    const v1::ImportKeyResult& result = answer.results(static_cast<int>(i) + 1);
    EXPECT_EQ(result.outcome(), v1::IMPORT_OUTCOME_REJECTED) << i;
    EXPECT_EQ(result.reason(), expected[i].first) << i;
    EXPECT_THAT(result.message(), HasSubstr(expected[i].second)) << i;
  }
  EXPECT_EQ(CodeOf("good"), v1::VERIFY_CODE_VALID);
  EXPECT_EQ(CodeOf("good too"), v1::VERIFY_CODE_VALID);
  EXPECT_EQ(CodeOf("5"), v1::VERIFY_CODE_NOT_FOUND);
}

TEST_F(ImportKeysTest, ADigestOfNothingIsNoKey) {
  std::vector<v1::ImportedKey> rows(4, Row("named"));
  rows[0].set_sha256(Sha256Of(""));
  rows[1].set_sha512(Sha512Of(""));
  rows[2].set_sha256(std::string(64, '0'));
  rows[3].set_sha512(std::string(128, '0'));
  rows.push_back(Row("good"));
  const v1::ImportKeysResponse answer = Import(Request(rows));
  EXPECT_EQ(answer.imported_count(), 1);
  const std::vector<std::string> expected = {
      "sha256: is the digest of an empty text", "sha512: is the digest of an empty text",
      "sha256: must not be all zeros", "sha512: must not be all zeros"};
  for (size_t i = 0; i < expected.size(); ++i) {
    const v1::ImportKeyResult& result = answer.results(static_cast<int>(i));
    EXPECT_EQ(result.outcome(), v1::IMPORT_OUTCOME_REJECTED) << i;
    EXPECT_EQ(result.reason(), "FIELD_INVALID") << i;
    EXPECT_THAT(result.message(), HasSubstr(expected[i])) << i;
  }
  v1::VerifyRequest zeros;
  zeros.mutable_digest()->set_sha256(std::string(32, '\0'));
  EXPECT_NE(Verify(zeros).code(), v1::VERIFY_CODE_VALID);
}

TEST_F(ImportKeysTest, TheProjectsPolicyCountsForEachRow) {
  v1::UpdateProjectRequest update;
  update.mutable_project()->set_project_id("shop");
  update.mutable_project()->mutable_policy()->set_require_expiry(true);
  SetDuration(absl::Hours(48), update.mutable_project()->mutable_policy()->mutable_max_key_ttl());
  update.mutable_update_mask()->add_paths("policy.require_expiry");
  update.mutable_update_mask()->add_paths("policy.max_key_ttl");
  ASSERT_THAT(root().Call(update), IsOk());
  v1::ImportedKey short_lived = Row("short");
  SetDuration(absl::Hours(24), short_lived.mutable_ttl());
  v1::ImportedKey long_lived = Row("long");
  SetDuration(absl::Hours(72), long_lived.mutable_ttl());
  const v1::ImportKeysResponse answer = Import(Request({short_lived, long_lived}));
  EXPECT_EQ(answer.results(0).outcome(), v1::IMPORT_OUTCOME_IMPORTED);
  EXPECT_EQ(answer.results(1).reason(), "POLICY_VIOLATION");
}

TEST_F(ImportKeysTest, AThousandRowsGoThroughInOneCallAndOneMoreDoesNot) {
  std::vector<v1::ImportedKey> rows;
  for (int i = 0; i < 1000; ++i) rows.push_back(Row("text " + std::to_string(i)));
  const uint64_t before = Written().first;
  EXPECT_EQ(Import(Request(rows)).imported_count(), 1000);
  EXPECT_EQ(Written().first, before + 1000) << "each is a change of its own";
  EXPECT_EQ(CodeOf("text 0"), v1::VERIFY_CODE_VALID);
  EXPECT_EQ(CodeOf("text 999"), v1::VERIFY_CODE_VALID);
  rows.push_back(Row("one more"));
  EXPECT_THAT(root().Call(Request(rows)),
              IsError(StatusCode::INVALID_ARGUMENT, "FIELD_INVALID", "keys"));
  EXPECT_THAT(root().Call(Request({})),
              IsError(StatusCode::INVALID_ARGUMENT, "FIELD_INVALID", "keys"));
}

TEST_F(ImportKeysTest, ValidateOnlySaysWhatWouldBecomeOfEachRowAndChangesNothing) {
  const std::string id = Import(Row("there"));
  v1::ImportKeysRequest request =
      Request({Row("new"), Row("new"), Row("there"), Row("scoped", {"admin"})});
  request.set_validate_only(true);
  const auto before = Written();
  const v1::ImportKeysResponse answer = Import(request);
  EXPECT_EQ(answer.results(0).outcome(), v1::IMPORT_OUTCOME_IMPORTED);
  EXPECT_EQ(answer.results(0).key_id(), "");
  EXPECT_EQ(answer.results(1).outcome(), v1::IMPORT_OUTCOME_ALREADY_IMPORTED);
  EXPECT_EQ(answer.results(2).outcome(), v1::IMPORT_OUTCOME_ALREADY_IMPORTED);
  EXPECT_EQ(answer.results(2).key_id(), id);
  EXPECT_EQ(answer.results(3).outcome(), v1::IMPORT_OUTCOME_REJECTED);
  EXPECT_EQ(Written(), before);
  EXPECT_EQ(CodeOf("new"), v1::VERIFY_CODE_NOT_FOUND);
}

TEST_F(ImportKeysTest, TheSameDigestTwiceInACallIsOneKey) {
  const v1::ImportKeysResponse answer = Import(Request({Row("a"), Row("a")}));
  EXPECT_EQ(answer.results(0).outcome(), v1::IMPORT_OUTCOME_IMPORTED);
  EXPECT_EQ(answer.results(1).outcome(), v1::IMPORT_OUTCOME_ALREADY_IMPORTED);
  EXPECT_EQ(answer.results(0).key_id(), answer.results(1).key_id());
}

TEST_F(ImportKeysTest, OnlyIntoAProjectOfTheCallersAndNotIntoTheReservedOne) {
  EXPECT_THAT(root().Call(Request({Row("a")}, "claviger")),
              IsError(StatusCode::FAILED_PRECONDITION, "PROJECT_RESERVED", "project_id"));
  EXPECT_THAT(root().Call(Request({Row("a")}, "nowhere")),
              IsError(StatusCode::NOT_FOUND, "PROJECT_NOT_FOUND"));
  const TestCaller bound = Manager({"keys.import"}, {"other"});
  EXPECT_THAT(bound.Call(Request({Row("a")})), IsError(StatusCode::NOT_FOUND, "PROJECT_NOT_FOUND"));
  EXPECT_THAT(bound.Call(Request({Row("a")}, "other")), IsOk());
  EXPECT_EQ(CodeOf("a"), v1::VERIFY_CODE_VALID);
}

// Whoever brought in a digest knows the text that belongs to it.
TEST_F(ImportKeysTest, AnImportedKeyIsNobodyAsACaller) {
  Import(Row(kText), "other");
  v1::GetProjectRequest request;
  request.set_project_id("other");
  EXPECT_THAT(server_.As(kText).Call(request),
              IsError(StatusCode::UNAUTHENTICATED, "CREDENTIAL_INVALID"));
  v1::RevokeKeyRequest revoke;
  revoke.set_key_id(root()
                        .Call([] {
                          v1::LookupKeyRequest lookup;
                          lookup.set_key(kText);
                          return lookup;
                        }())
                        ->info()
                        .key_id());
  EXPECT_THAT(server_.As(kText).Call(revoke),
              IsError(StatusCode::UNAUTHENTICATED, "CREDENTIAL_INVALID"));
}

TEST_F(ImportKeysTest, ItIsStoppedStartedAndRevokedAsAnyKeyAndSurvivesARestart) {
  const std::string id = Import(Row(kText));
  Disable(id);
  EXPECT_EQ(CodeOf(kText), v1::VERIFY_CODE_DISABLED);
  Restart();
  EXPECT_EQ(CodeOf(kText), v1::VERIFY_CODE_DISABLED);
  v1::EnableKeyRequest enable;
  enable.set_key_id(id);
  ASSERT_THAT(root().Call(enable), IsOk());
  EXPECT_EQ(CodeOf(kText), v1::VERIFY_CODE_VALID);
  Revoke(id);
  EXPECT_EQ(CodeOf(kText), v1::VERIFY_CODE_REVOKED);
}

TEST_F(ImportKeysTest, OutsideItsProjectATextOfElsewhereVerifiesAsGarbageDoes) {
  Import(Row(kText));
  const TestCaller bound = Manager({"keys.verify"}, {"other"});
  const auto foreign = bound.Call(CheckOf(kText));
  ASSERT_THAT(foreign, IsOk());
  EXPECT_EQ(foreign->code(), v1::VERIFY_CODE_NOT_FOUND);
  EXPECT_EQ(foreign->SerializeAsString(), bound.Call(CheckOf("garbage"))->SerializeAsString());
}

// A stolen store can be compared with no list of digests.
TEST_F(ImportKeysTest, TheBareDigestIsNotOnTheDisk) {
  Import(Row(kText));
  const Sha256Bytes digest = Sha256(kText);
  const std::string bare(AsBytes(digest));
  server_.Stop();
  for (const auto& entry : std::filesystem::recursive_directory_iterator(server_.data_dir())) {
    if (!entry.is_regular_file()) continue;
    const std::string bytes = ReadFile(entry.path().string());
    EXPECT_EQ(bytes.find(bare), std::string::npos) << entry.path();
    EXPECT_EQ(bytes.find(Sha256Of(kText)), std::string::npos) << entry.path();
  }
}

}  // namespace
}  // namespace claviger
