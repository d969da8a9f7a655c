#include "server/rpc/wire.h"

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "core/secret.h"
#include "core/status.h"
#include "core/text.h"
#include "fmt/format.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "google/protobuf/unknown_field_set.h"
#include "grpcpp/support/proto_buffer_reader.h"
#include "grpcpp/support/slice.h"

namespace claviger {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::UnknownFieldSet;

// Nesting that a walk follows; protobuf itself refuses more than 100.
constexpr int kMaxDepth = 100;

bool ParseFrom(const grpc::ByteBuffer& bytes, google::protobuf::Message& message) {
  // A small request lies in one piece, and is read from there in half the time.
  if (grpc::Slice slice; bytes.TrySingleSlice(&slice).ok()) {
    return message.ParseFromArray(slice.begin(), static_cast<int>(slice.size()));
  }
  // The reader takes a non-const pointer but only adds references to the slices.
  grpc::ProtoBufferReader reader(const_cast<grpc::ByteBuffer*>(&bytes));
  return reader.status().ok() && message.ParseFromZeroCopyStream(&reader);
}

// Path of the first string in `fields` that `type` says must be UTF-8 and is not; empty when there
// is none.
std::string FindBadString(const Descriptor& type, const UnknownFieldSet& fields, int depth) {
  for (int i = 0; i < fields.field_count(); ++i) {
    const google::protobuf::UnknownField& field = fields.field(i);
    const FieldDescriptor* known = type.FindFieldByNumber(field.number());
    if (known == nullptr || field.type() != google::protobuf::UnknownField::TYPE_LENGTH_DELIMITED)
      continue;
    if (known->type() == FieldDescriptor::TYPE_STRING && !IsValidUtf8(field.length_delimited())) {
      return known->name();
    }
    UnknownFieldSet nested;
    if (known->type() == FieldDescriptor::TYPE_MESSAGE && depth < kMaxDepth &&
        nested.ParseFromString(field.length_delimited())) {
      const std::string inner = FindBadString(*known->message_type(), nested, depth + 1);
      if (!inner.empty()) return fmt::format("{}.{}", known->name(), inner);
    }
  }
  return {};
}

absl::Status Malformed(const grpc::ByteBuffer& bytes, const Descriptor& type) {
  ErrorBuilder error(absl::StatusCode::kInvalidArgument, Reason::kMalformedRequest);
  google::protobuf::UnknownFieldSet fields;
  grpc::ProtoBufferReader reader(const_cast<grpc::ByteBuffer*>(&bytes));
  if (reader.status().ok() && fields.ParseFromZeroCopyStream(&reader)) {
    const std::string bad = FindBadString(type, fields, 0);
    if (!bad.empty()) {
      return error.Field(bad, "must be UTF-8").Build(fmt::format("{}: must be UTF-8", bad));
    }
  }
  return error.Build(
      fmt::format("the request is not a protobuf message of type {}", type.full_name()));
}

absl::Status UnknownField(const std::string& path, int number) {
  // A field without a name is named by its number.
  const std::string field =
      path.empty() ? fmt::to_string(number) : fmt::format("{}.{}", path, number);
  constexpr char kAccepted[] =
      "must not be there: this server does not know a field with this number";
  return ErrorBuilder(absl::StatusCode::kInvalidArgument, Reason::kUnknownField)
      .Field(field, kAccepted)
      .Build(fmt::format("{}: {}", field, kAccepted));
}

// Of `message` itself, not of the messages in it.
absl::Status CheckOwnUnknown(const google::protobuf::Message& message, const char* path) {
  const UnknownFieldSet& unknown = message.GetReflection()->GetUnknownFields(message);
  if (unknown.empty()) return absl::OkStatus();
  return UnknownField(path, unknown.field(0).number());
}

absl::Status CheckUnknown(const google::protobuf::Message& message, const std::string& path) {
  if (absl::Status s = CheckOwnUnknown(message, path.c_str()); !s.ok()) return s;
  const google::protobuf::Reflection* reflection = message.GetReflection();
  std::vector<const FieldDescriptor*> present;
  reflection->ListFields(message, &present);
  for (const FieldDescriptor* field : present) {
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
    const std::string inner =
        path.empty() ? field->name() : fmt::format("{}.{}", path, field->name());
    if (!field->is_repeated()) {
      if (absl::Status s = CheckUnknown(reflection->GetMessage(message, field), inner); !s.ok())
        return s;
      continue;
    }
    for (int i = 0; i < reflection->FieldSize(message, field); ++i) {
      absl::Status s = CheckUnknown(reflection->GetRepeatedMessage(message, field, i),
                                    fmt::format("{}[{}]", inner, i));
      if (!s.ok()) return s;
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ParseRequest(const grpc::ByteBuffer& bytes, size_t max_bytes,
                          google::protobuf::Message& request) {
  if (bytes.Length() > max_bytes) {
    return ErrorBuilder(absl::StatusCode::kInvalidArgument, Reason::kMessageTooLarge)
        .Build(fmt::format("the request has {} bytes; at most {} are accepted", bytes.Length(),
                           max_bytes));
  }
  if (ParseFrom(bytes, request)) return absl::OkStatus();
  return Malformed(bytes, *request.GetDescriptor());
}

absl::Status CheckNoUnknownFields(const google::protobuf::Message& request) {
  return CheckUnknown(request, "");
}

absl::Status CheckNoUnknownFields(const v1::VerifyRequest& request) {
  if (absl::Status s = CheckOwnUnknown(request, ""); !s.ok()) return s;
  return request.has_digest() ? CheckOwnUnknown(request.digest(), "digest") : absl::OkStatus();
}

grpc::Status SerializeAnswer(const google::protobuf::Message& answer, grpc::ByteBuffer& bytes) {
  const size_t size = answer.ByteSizeLong();
  if (size > static_cast<size_t>(std::numeric_limits<int>::max())) {
    return grpc::Status(grpc::StatusCode::INTERNAL, "the answer is too large");
  }
  grpc::Slice slice(size);
  // Not shared yet, so it may be written to.
  answer.SerializeWithCachedSizesToArray(const_cast<uint8_t*>(slice.begin()));
  grpc::ByteBuffer fresh(&slice, 1);
  bytes.Swap(&fresh);
  return grpc::Status::OK;
}

std::string SerializeDeterministic(const google::protobuf::Message& message) {
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    message.SerializeToCodedStream(&coded);
  }
  return bytes;
}

Sha256Bytes HashMessage(const google::protobuf::Message& message) {
  // The type too: other methods' arguments may look alike as bytes.
  return Sha256(message.GetDescriptor()->full_name() + '\0' + SerializeDeterministic(message));
}

void CleanseSecrets(v1::VerifyRequest& request) {
  if (request.has_key()) CleanseString(*request.mutable_key());
}

void CleanseSecrets(v1::BatchVerifyRequest& request) {
  for (v1::VerifyRequest& check : *request.mutable_checks()) CleanseSecrets(check);
}

void CleanseSecrets(v1::LookupKeyRequest& request) {
  if (request.has_key()) CleanseString(*request.mutable_key());
}

void CleanseSecrets(v1::IssueKeyResponse& response) { CleanseString(*response.mutable_key()); }

void CleanseSecrets(v1::RotateKeyResponse& response) { CleanseString(*response.mutable_key()); }

}  // namespace claviger
