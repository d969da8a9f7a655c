#include "storage/rocksdb/codec_wire.h"

#include <limits>
#include <vector>

#include "core/status.h"
#include "fmt/format.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/unknown_field_set.h"
#include "storage/rocksdb/codec.h"

namespace claviger::wire {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// In `message` or in one that it contains. Looks only where there can be one: a message without
// message fields costs one test.
bool HasUnknownFields(const Message& message) {
  const auto* reflection = message.GetReflection();
  if (!reflection->GetUnknownFields(message).empty()) return true;
  const auto* descriptor = message.GetDescriptor();
  for (int i = 0; i < descriptor->field_count(); ++i) {
    const FieldDescriptor* field = descriptor->field(i);
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
    if (!field->is_repeated()) {
      if (reflection->HasField(message, field) &&
          HasUnknownFields(reflection->GetMessage(message, field))) {
        return true;
      }
      continue;
    }
    for (int j = 0; j < reflection->FieldSize(message, field); ++j) {
      if (HasUnknownFields(reflection->GetRepeatedMessage(message, field, j))) return true;
    }
  }
  return false;
}

absl::Status Newer(std::string_view row, std::string_view what) {
  return ErrorBuilder(absl::StatusCode::kFailedPrecondition, Reason::kDataCorrupt)
      .Build(fmt::format("row {} has {}: it was written by a newer version of clavigerd; run that "
                         "version, or restore a backup made with this one",
                         row, what));
}

}  // namespace

std::string Wrap(const Message& message) {
  std::string value(1, kRecordVersion);
  message.AppendToString(&value);
  return value;
}

absl::Status Unwrap(std::string_view row, std::string_view value, Message& message) {
  if (value.empty()) return Damaged(row, "its version byte");
  const auto version = static_cast<uint8_t>(value[0]);
  if (version > static_cast<uint8_t>(kRecordVersion)) {
    return Newer(row, fmt::format("record version {}", version));
  }
  if (version != static_cast<uint8_t>(kRecordVersion)) return Damaged(row, "its version byte");
  value.remove_prefix(1);
  if (value.size() > static_cast<size_t>(std::numeric_limits<int>::max()) ||
      !message.ParseFromArray(value.data(), static_cast<int>(value.size()))) {
    return Damaged(row, "its message");
  }
  if (HasUnknownFields(message)) return Newer(row, "a field that this version does not know");
  return absl::OkStatus();
}

absl::Status Damaged(std::string_view row, std::string_view field) {
  return ErrorBuilder(absl::StatusCode::kDataLoss, Reason::kDataCorrupt)
      .Build(fmt::format("row {} is damaged in {}; restore a backup", row, field));
}

}  // namespace claviger::wire
