#include "server/rpc/wire.h"

#include <utility>
#include <vector>

#include "claviger/v1/project.pb.h"
#include "core/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace claviger {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

grpc::ByteBuffer Bytes(const std::string& bytes) {
  const grpc::Slice slice(bytes);
  return {&slice, 1};
}

// The same in pieces of one byte, as a network may bring them.
grpc::ByteBuffer Pieces(const std::string& bytes) {
  std::vector<grpc::Slice> slices;
  for (const char c : bytes) slices.emplace_back(std::string(1, c));
  return {slices.data(), slices.size()};
}

v1::UpdateScopesRequest FullRequest() {
  v1::UpdateScopesRequest request;
  request.set_key_id("0123456789abcdef");
  request.mutable_replace_with()->add_scopes("a:b");
  request.set_if_revision(7);
  return request;
}

TEST(ParseRequestTest, ReadsMessagesWholeOrInPieces) {
  const std::string bytes = FullRequest().SerializeAsString();
  for (const grpc::ByteBuffer& buffer : {Bytes(bytes), Pieces(bytes)}) {
    v1::UpdateScopesRequest request;
    request.set_validate_only(true);  // what was there before is gone
    ASSERT_EQ(ParseRequest(buffer, kMaxRequestBytes, request), absl::OkStatus());
    EXPECT_EQ(request.SerializeAsString(), bytes);
  }
}

TEST(ParseRequestTest, AnEmptyMessageIsOne) {
  v1::UpdateScopesRequest request;
  EXPECT_EQ(ParseRequest(Bytes(""), kMaxRequestBytes, request), absl::OkStatus());
}

TEST(ParseRequestTest, ALargerMessageThanAcceptedIsNotEvenRead) {
  const std::string bytes = FullRequest().SerializeAsString();
  v1::UpdateScopesRequest request;
  EXPECT_EQ(ParseRequest(Bytes(bytes), bytes.size(), request), absl::OkStatus());
  const absl::Status status = ParseRequest(Bytes(bytes), bytes.size() - 1, request);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(DetailsOf(status).reason, Reason::kMessageTooLarge);
}

TEST(ParseRequestTest, WhatIsNotAMessageIsMalformed) {
  const std::string bytes = FullRequest().SerializeAsString();
  for (const std::string& bad :
       {std::string("\xff"), std::string("\x0a"), std::string("\x0a\x05x"), bytes.substr(0, 5),
        bytes + "\x0a", std::string("\x07"), std::string("\0\0", 2)}) {
    v1::UpdateScopesRequest request;
    const absl::Status status = ParseRequest(Bytes(bad), kMaxRequestBytes, request);
    EXPECT_EQ(DetailsOf(status).reason, Reason::kMalformedRequest) << testing::PrintToString(bad);
    EXPECT_THAT(std::string(status.message()), HasSubstr("claviger.v1.UpdateScopesRequest"));
  }
}

TEST(ParseRequestTest, AStringThatIsNotUtf8IsNamedWithItsPath) {
  const std::string bad = "\xff";
  v1::UpdateScopesRequest top;
  top.set_key_id(bad);
  v1::UpdateScopesRequest inside;
  inside.mutable_replace_with()->add_scopes("good");
  inside.mutable_replace_with()->add_scopes(bad);
  v1::CreateProjectRequest project;
  project.mutable_project()->set_display_name(bad);
  for (const auto& [message, field] :
       std::vector<std::pair<const google::protobuf::Message*, std::string>>{
           {&top, "key_id"},
           {&inside, "replace_with.scopes"},
           {&project, "project.display_name"}}) {
    const std::unique_ptr<google::protobuf::Message> request(message->New());
    const absl::Status status =
        ParseRequest(Bytes(message->SerializePartialAsString()), kMaxRequestBytes, *request);
    ASSERT_EQ(DetailsOf(status).reason, Reason::kMalformedRequest);
    ASSERT_EQ(DetailsOf(status).fields.size(), 1u) << field;
    EXPECT_EQ(DetailsOf(status).fields[0], (FieldViolation{field, "must be UTF-8"}));
  }
}

TEST(ParseRequestTest, BytesNeedNotBeUtf8) {
  v1::VerifyRequest check;
  check.mutable_digest()->set_sha256(std::string(32, '\xff'));
  v1::VerifyRequest read;
  EXPECT_EQ(ParseRequest(Bytes(check.SerializeAsString()), kMaxRequestBytes, read),
            absl::OkStatus());
}

// Gives `message` a field that its type does not have.
void AddUnknown(google::protobuf::Message& message, int number) {
  message.GetReflection()->MutableUnknownFields(&message)->AddVarint(number, 1);
}

std::string FieldOf(const absl::Status& status) {
  const ErrorDetails details = DetailsOf(status);
  EXPECT_EQ(details.reason, Reason::kUnknownField);
  return details.fields.size() == 1 ? details.fields[0].field : "";
}

TEST(CheckNoUnknownFieldsTest, KnownFieldsAreFine) {
  EXPECT_EQ(CheckNoUnknownFields(static_cast<const google::protobuf::Message&>(FullRequest())),
            absl::OkStatus());
  EXPECT_EQ(CheckNoUnknownFields(v1::VerifyRequest()), absl::OkStatus());
}

TEST(CheckNoUnknownFieldsTest, UnknownOnesAreNamedByPathAndNumber) {
  v1::UpdateScopesRequest top = FullRequest();
  AddUnknown(top, 99);
  EXPECT_EQ(FieldOf(CheckNoUnknownFields(static_cast<google::protobuf::Message&>(top))), "99");
  v1::UpdateScopesRequest inside = FullRequest();
  AddUnknown(*inside.mutable_replace_with(), 99);
  EXPECT_EQ(FieldOf(CheckNoUnknownFields(static_cast<google::protobuf::Message&>(inside))),
            "replace_with.99");
  v1::BatchVerifyRequest batch;
  batch.add_checks();
  AddUnknown(*batch.add_checks()->mutable_digest(), 99);
  EXPECT_EQ(FieldOf(CheckNoUnknownFields(static_cast<google::protobuf::Message&>(batch))),
            "checks[1].digest.99");
}

TEST(CheckNoUnknownFieldsTest, AMessageThatIsSetAndEmptyIsLookedInto) {
  v1::IssueKeyRequest request;
  AddUnknown((*request.mutable_metadata()->mutable_fields())["k"], 99);
  const absl::Status status =
      CheckNoUnknownFields(static_cast<const google::protobuf::Message&>(request));
  EXPECT_EQ(DetailsOf(status).reason, Reason::kUnknownField);
}

TEST(CheckNoUnknownFieldsTest, TheCheckPathFindsThemToo) {
  v1::VerifyRequest top;
  AddUnknown(top, 99);
  EXPECT_EQ(FieldOf(CheckNoUnknownFields(top)), "99");
  v1::VerifyRequest digest;
  AddUnknown(*digest.mutable_digest(), 99);
  EXPECT_EQ(FieldOf(CheckNoUnknownFields(digest)), "digest.99");
}

TEST(HashMessageTest, EqualMessagesHashAlikeAndOthersDoNot) {
  v1::IssueKeyRequest a;
  v1::IssueKeyRequest b;
  for (int i = 0; i < 20; ++i) (*a.mutable_labels())[std::to_string(i)] = "v";
  for (int i = 19; i >= 0; --i) (*b.mutable_labels())[std::to_string(i)] = "v";
  EXPECT_EQ(HashMessage(a), HashMessage(b));
  b.set_owner("x");
  EXPECT_NE(HashMessage(a), HashMessage(b));
}

TEST(HashMessageTest, MessagesOfDifferentTypesHashDifferently) {
  v1::GetKeyRequest get;
  get.set_key_id("00000000000000a1");
  v1::RotateKeyRequest rotate;
  rotate.set_key_id("00000000000000a1");
  ASSERT_EQ(get.SerializeAsString(), rotate.SerializeAsString());
  EXPECT_NE(HashMessage(get), HashMessage(rotate));
}

TEST(CleanseSecretsTest, EmptiesWhatWasSecretAndNothingElse) {
  v1::VerifyRequest check;
  check.set_key("a secret");
  check.set_route("kept");
  CleanseSecrets(check);
  EXPECT_THAT(check.key(), IsEmpty());
  EXPECT_EQ(check.route(), "kept");
  v1::BatchVerifyRequest batch;
  batch.add_checks()->set_key("a secret");
  batch.add_checks()->mutable_digest()->set_key_id("kept");
  CleanseSecrets(batch);
  EXPECT_THAT(batch.checks(0).key(), IsEmpty());
  EXPECT_EQ(batch.checks(1).digest().key_id(), "kept");
  v1::IssueKeyResponse issued;
  issued.set_key("a secret");
  CleanseSecrets(issued);
  EXPECT_THAT(issued.key(), IsEmpty());
  v1::RotateKeyResponse rotated;
  rotated.set_key("a secret");
  rotated.mutable_info()->set_key_id("kept");
  CleanseSecrets(rotated);
  EXPECT_THAT(rotated.key(), IsEmpty());
  EXPECT_EQ(rotated.info().key_id(), "kept");
}

}  // namespace
}  // namespace claviger
