// Bytes that no client of ours would send, to every method.

#include "tests/integration/server_test.h"

namespace claviger {
namespace {

using ::testing::HasSubstr;

constexpr char kKeyAuthority[] = "/claviger.v1.KeyAuthority/";
constexpr char kProjects[] = "/claviger.v1.Projects/";
constexpr char kVerifier[] = "/claviger.v1.Verifier/";

// A field of the wire format: its number and bytes.
std::string LengthDelimited(int number, const std::string& bytes) {
  std::string out;
  out.push_back(static_cast<char>(number << 3 | 2));
  for (size_t n = bytes.size();; n >>= 7) {
    out.push_back(static_cast<char>((n & 0x7f) | (n > 0x7f ? 0x80 : 0)));
    if (n <= 0x7f) break;
  }
  return out + bytes;
}

std::string Varint(int number, char value) { return {static_cast<char>(number << 3 | 0), value}; }

// A field with the number 1999, which no message has: the tag takes two bytes.
std::string UnknownField() { return {'\xf8', '\x7c', '\x01'}; }

struct Method {
  std::string path;
  std::string bad_utf8;        // a request with a string that is not UTF-8 …
  std::string bad_utf8_field;  // … in this field
  std::string wrong_type;      // a request with a field of another wire type than it has
};

std::vector<Method> AllMethods() {
  const std::string bad = "\xc3(";
  const std::string first = LengthDelimited(1, bad);
  const std::string in_project = LengthDelimited(1, first);
  const auto key_call = [&](const std::string& name) {
    return Method{kKeyAuthority + name, first, "key_id", Varint(1, 1)};
  };
  return {
      {std::string(kKeyAuthority) + "IssueKey", first, "project_id", Varint(1, 1)},
      key_call("GetKey"),
      {std::string(kKeyAuthority) + "ListKeys", first, "project_ids", Varint(1, 1)},
      key_call("UpdateScopes"),
      key_call("DisableKey"),
      key_call("EnableKey"),
      key_call("RevokeKey"),
      {std::string(kProjects) + "CreateProject", in_project, "project.project_id", Varint(1, 1)},
      {std::string(kProjects) + "GetProject", first, "project_id", Varint(1, 1)},
      {std::string(kProjects) + "ListProjects", LengthDelimited(2, bad), "page_token",
       LengthDelimited(1, "1")},
      {std::string(kProjects) + "UpdateProject", in_project, "project.project_id", Varint(1, 1)},
      {std::string(kProjects) + "DeleteProject", first, "project_id", Varint(1, 1)},
      {std::string(kVerifier) + "Verify", first, "key", Varint(1, 1)},
      {std::string(kVerifier) + "BatchVerify", in_project, "checks.key", Varint(1, 1)}};
}

class WireBadInputTest : public ServerTest {
 protected:
  // Sends the bytes that `make` gives for each method; the answers must match and nothing be
  // written.
  template <typename Make, typename Matcher>
  void ExpectEachRefused(const Make& make, const Matcher& matcher) {
    for (const Method& method : AllMethods()) {
      SCOPED_TRACE(method.path);
      const auto before = Written();
      EXPECT_THAT(root().CallBytes(method.path, make(method)), matcher);
      EXPECT_EQ(Written(), before);
    }
  }
};

TEST_F(WireBadInputTest, AMessageThatIsCutIsMalformed) {
  ExpectEachRefused(
      [](const Method&) {
        return std::string(
            "\x0a\x05"
            "ab");
      },
      IsError(StatusCode::INVALID_ARGUMENT, "MALFORMED_REQUEST"));
}

TEST_F(WireBadInputTest, GarbageIsMalformed) {
  ExpectEachRefused([](const Method&) { return std::string("\xff\xff\xff\xff not protobuf"); },
                    IsError(StatusCode::INVALID_ARGUMENT, "MALFORMED_REQUEST"));
}

TEST_F(WireBadInputTest, AMalformedMessageIsNamed) {
  const RpcError error = ErrorOf(root()
                                     .CallBytes(std::string(kKeyAuthority) + "GetKey",
                                                "\x0a\x05"
                                                "ab")
                                     .status);
  EXPECT_THAT(error.message, HasSubstr("claviger.v1.GetKeyRequest"));
}

TEST_F(WireBadInputTest, BadUtf8IsRefusedAndItsFieldNamed) {
  for (const Method& method : AllMethods()) {
    SCOPED_TRACE(method.path);
    EXPECT_THAT(root().CallBytes(method.path, method.bad_utf8),
                IsError(StatusCode::INVALID_ARGUMENT, "MALFORMED_REQUEST", method.bad_utf8_field,
                        "must be UTF-8"));
  }
}

TEST_F(WireBadInputTest, BadUtf8InAnyFormIsRefused) {
  for (const std::string bytes :
       {"\xc0\x80", "\xed\xa0\x80", "\xf5\x80\x80\x80", "\x80", "\xe2\x82", "\xf0\x80\x80\xaf"}) {
    const std::string request = LengthDelimited(1, "default") + LengthDelimited(2, "name " + bytes);
    EXPECT_THAT(root().CallBytes(std::string(kKeyAuthority) + "IssueKey", request),
                IsError(StatusCode::INVALID_ARGUMENT, "MALFORMED_REQUEST", "display_name"));
  }
}

TEST_F(WireBadInputTest, BadUtf8InAMapIsRefused) {
  const std::string entry = LengthDelimited(1, "k") + LengthDelimited(2, "\xff");
  EXPECT_THAT(root().CallBytes(std::string(kKeyAuthority) + "IssueKey", LengthDelimited(9, entry)),
              IsError(StatusCode::INVALID_ARGUMENT, "MALFORMED_REQUEST", "labels.value"));
}

TEST_F(WireBadInputTest, AFieldOfAnotherTypeIsNotIgnored) {
  ExpectEachRefused([](const Method& m) { return m.wrong_type; },
                    IsError(StatusCode::INVALID_ARGUMENT, "UNKNOWN_FIELD"));
}

TEST_F(WireBadInputTest, AnUnknownFieldIsNotIgnored) {
  ExpectEachRefused([](const Method&) { return UnknownField(); },
                    IsError(StatusCode::INVALID_ARGUMENT, "UNKNOWN_FIELD"));
}

TEST_F(WireBadInputTest, AnUnknownFieldIsNamedByItsNumber) {
  for (const Method& method : AllMethods()) {
    SCOPED_TRACE(method.path);
    EXPECT_THAT(root().CallBytes(method.path, UnknownField()),
                IsError(StatusCode::INVALID_ARGUMENT, "UNKNOWN_FIELD", "1999"));
  }
}

TEST_F(WireBadInputTest, AnUnknownFieldInsideIsNamedWithItsPath) {
  const std::string inside = LengthDelimited(1, UnknownField());
  struct Case {
    std::string path, bytes, field;
  };
  for (const Case& row : std::vector<Case>{
           {std::string(kProjects) + "CreateProject", inside, "project.1999"},
           {std::string(kProjects) + "CreateProject",
            LengthDelimited(1, LengthDelimited(5, UnknownField())), "project.policy.1999"},
           {std::string(kKeyAuthority) + "UpdateScopes", LengthDelimited(4, UnknownField()),
            "replace_with.1999"},
           {std::string(kKeyAuthority) + "IssueKey", LengthDelimited(6, UnknownField()),
            "ttl.1999"},
           {std::string(kKeyAuthority) + "IssueKey", LengthDelimited(10, UnknownField()),
            "metadata.1999"},
           {std::string(kVerifier) + "Verify", LengthDelimited(2, UnknownField()), "digest.1999"},
           {std::string(kVerifier) + "BatchVerify", LengthDelimited(1, "") + inside,
            "checks[1].1999"}}) {
    SCOPED_TRACE(row.field);
    EXPECT_THAT(root().CallBytes(row.path, row.bytes),
                IsError(StatusCode::INVALID_ARGUMENT, "UNKNOWN_FIELD", row.field));
  }
}

TEST_F(WireBadInputTest, AMessageHasAtMost64KiB) {
  // A string that no field's bound lets through tells whether it was looked at.
  const auto of_size = [](size_t size) {
    const size_t header = LengthDelimited(1, std::string(size - 4, 'x')).size() - (size - 4);
    return LengthDelimited(1, std::string(size - header, 'x'));
  };
  for (const char* const name : {"GetKey", "DisableKey", "EnableKey", "RevokeKey"}) {
    SCOPED_TRACE(name);
    const std::string path = std::string(kKeyAuthority) + name;
    ASSERT_EQ(of_size(64 * 1024).size(), 64u * 1024);
    EXPECT_THAT(root().CallBytes(path, of_size(64 * 1024)),
                IsError(StatusCode::INVALID_ARGUMENT, "FIELD_INVALID", "key_id"));
    const auto refused = root().CallBytes(path, of_size(64 * 1024 + 1));
    EXPECT_THAT(refused, IsError(StatusCode::INVALID_ARGUMENT, "MESSAGE_TOO_LARGE"));
    EXPECT_THAT(refused.status.error_message(), HasSubstr("at most 65536"));
  }
  ExpectEachRefused(
      [&](const Method& m) {
        return of_size(m.path.ends_with("BatchVerify") ? (1024 * 1024) : 64 * 1024 + 1);
      },
      testing::Not(IsOk()));
}

TEST_F(WireBadInputTest, ABatchHasAtMost1MiB) {
  const std::string path = std::string(kVerifier) + "BatchVerify";
  v1::BatchVerifyRequest batch;
  for (int i = 0; i < 1000; ++i) batch.add_checks()->set_key(std::string(1000, 'x'));
  ASSERT_GT(batch.ByteSizeLong(), 1'000'000u);
  ASSERT_LE(batch.ByteSizeLong(), 1024u * 1024);
  EXPECT_THAT(root().Call(batch), IsOk());
  // gRPC itself refuses what is larger than any request of this server, before a method sees it.
  EXPECT_EQ(root().CallBytes(path, std::string(1024 * 1024 + 1, 'x')).status.error_code(),
            StatusCode::RESOURCE_EXHAUSTED);
}

TEST_F(WireBadInputTest, DeepNestingIsRefused) {
  // metadata: a list in a list in a list …
  std::string value = LengthDelimited(3, "x");
  for (int i = 0; i < 200; ++i) value = LengthDelimited(6, LengthDelimited(1, value));
  const std::string entry = LengthDelimited(1, "k") + LengthDelimited(2, value);
  const std::string request = LengthDelimited(10, LengthDelimited(1, entry));
  const auto before = Written();
  EXPECT_THAT(root().CallBytes(std::string(kKeyAuthority) + "IssueKey", request),
              IsError(StatusCode::INVALID_ARGUMENT, "MALFORMED_REQUEST"));
  EXPECT_EQ(Written(), before);
}

TEST_F(WireBadInputTest, AnUnknownMethodIsUnimplemented) {
  for (const std::string path : {"/claviger.v1.KeyAuthority/Nothing", "/claviger.v1.Nothing/GetKey",
                                 "/", "/claviger.v1.KeyAuthority/getkey"}) {
    EXPECT_THAT(root().CallBytes(path, ""), IsError(StatusCode::UNIMPLEMENTED, "UNKNOWN_METHOD"))
        << path;
  }
}

TEST_F(WireBadInputTest, WhoeverIsNobodyIsToldNothingOfTheRequest) {
  for (const Method& method : AllMethods()) {
    SCOPED_TRACE(method.path);
    EXPECT_THAT(server_.Anonymous().CallBytes(method.path, "\xff\xff"),
                IsError(StatusCode::UNAUTHENTICATED, "CREDENTIAL_MISSING"));
  }
}

}  // namespace
}  // namespace claviger
