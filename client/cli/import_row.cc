#include "client/cli/import_row.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"
#include "client/cli/durations.h"
#include "client/cli/json_input.h"
#include "client/cli/request_fields.h"
#include "client/cli/time_text.h"
#include "core/status.h"
#include "core/text.h"

namespace claviger::cli {
namespace {

constexpr std::array<std::string_view, 13> kColumns = {
    "sha256",  "sha512", "name",   "description", "environment", "scopes", "ttl",
    "expires", "owner",  "labels", "metadata",    "cidrs",       "masked"};

// The parts of `text` between any of `separators`, without blanks around them; not the empty ones.
std::vector<std::string> Parts(const std::string& text, const char* separators) {
  std::vector<std::string> parts;
  for (absl::string_view part : absl::StrSplit(text, absl::ByAnyChar(separators))) {
    part = absl::StripAsciiWhitespace(part);
    if (!part.empty()) parts.emplace_back(part);
  }
  return parts;
}

absl::Status SetDigest(bool is_256, const std::string& text, v1::ImportedKey& key) {
  if (key.digest_case() != v1::ImportedKey::DIGEST_NOT_SET) {
    return absl::InvalidArgumentError("sha256: must not be given together with sha512");
  }
  is_256 ? key.set_sha256(text) : key.set_sha512(text);
  return absl::OkStatus();
}

absl::Status SetEnvironment(const std::string& text, v1::ImportedKey& key) {
  if (text != "live" && text != "test") return InvalidField("environment", "must be live or test");
  key.set_environment(text == "live" ? v1::ENVIRONMENT_LIVE : v1::ENVIRONMENT_TEST);
  return absl::OkStatus();
}

absl::Status SetTtl(const std::string& text, v1::ImportedKey& key) {
  const absl::StatusOr<std::optional<absl::Duration>> ttl = ParseTtl("ttl", text);
  if (!ttl.ok()) return ttl.status();
  if (key.expiration_case() != v1::ImportedKey::EXPIRATION_NOT_SET) {
    return absl::InvalidArgumentError("ttl: must not be given together with expires");
  }
  if (ttl->has_value()) *key.mutable_ttl() = ToProto(**ttl);
  return absl::OkStatus();
}

absl::Status SetExpires(const std::string& text, v1::ImportedKey& key) {
  const absl::StatusOr<absl::Time> time = ParseTime("expires", text);
  if (!time.ok()) return time.status();
  if (key.expiration_case() != v1::ImportedKey::EXPIRATION_NOT_SET) {
    return absl::InvalidArgumentError("expires: must not be given together with ttl");
  }
  *key.mutable_expire_time() = ToProto(*time);
  return absl::OkStatus();
}

// REQUIRES: IsImportColumn(column), and a value.
absl::Status SetText(std::string_view column, const std::string& text, v1::ImportedKey& key) {
  if (column == "sha256" || column == "sha512") return SetDigest(column == "sha256", text, key);
  if (column == "environment") return SetEnvironment(text, key);
  if (column == "ttl") return SetTtl(text, key);
  if (column == "expires") return SetExpires(text, key);
  if (column == "metadata") return FillMetadata("metadata", text, *key.mutable_metadata());
  if (column == "labels") return FillLabels("labels", Parts(text, ";"), *key.mutable_labels());
  if (column == "name") key.set_display_name(text);
  if (column == "description") key.set_description(text);
  if (column == "owner") key.set_owner(text);
  if (column == "masked") key.set_masked_key(text);
  if (column == "scopes") FillStrings(Parts(text, " \t\n"), *key.mutable_scopes());
  if (column == "cidrs") FillStrings(Parts(text, " \t\n"), *key.mutable_allowed_cidrs());
  return absl::OkStatus();
}

absl::Status SetList(std::string_view column, const google::protobuf::ListValue& list,
                     v1::ImportedKey& key) {
  const absl::Status unfit = InvalidField(std::string(column), "must not be a list");
  if (column != "scopes" && column != "cidrs") return unfit;
  auto& out = column == "scopes" ? *key.mutable_scopes() : *key.mutable_allowed_cidrs();
  for (const google::protobuf::Value& value : list.values()) {
    if (value.kind_case() != google::protobuf::Value::kStringValue) {
      return InvalidField(std::string(column), "must be a list of strings");
    }
    *out.Add() = value.string_value();
  }
  return absl::OkStatus();
}

absl::Status SetObject(std::string_view column, const google::protobuf::Struct& object,
                       v1::ImportedKey& key) {
  if (column == "metadata") {
    *key.mutable_metadata() = object;
    return absl::OkStatus();
  }
  if (column != "labels") return InvalidField(std::string(column), "must not be an object");
  for (const auto& [name, value] : object.fields()) {
    if (value.kind_case() != google::protobuf::Value::kStringValue) {
      return InvalidField("labels", "must be an object of strings");
    }
    (*key.mutable_labels())[name] = value.string_value();
  }
  return absl::OkStatus();
}

absl::Status SetJson(std::string_view column, const google::protobuf::Value& value,
                     v1::ImportedKey& key) {
  switch (value.kind_case()) {
    case google::protobuf::Value::kNullValue:
      return absl::OkStatus();
    case google::protobuf::Value::kStringValue:
      return value.string_value().empty() ? absl::OkStatus()
                                          : SetText(column, value.string_value(), key);
    case google::protobuf::Value::kListValue:
      return SetList(column, value.list_value(), key);
    case google::protobuf::Value::kStructValue:
      return SetObject(column, value.struct_value(), key);
    default:
      return InvalidField(std::string(column), "must be a string");
  }
}

}  // namespace

std::span<const std::string_view> ImportColumns() { return kColumns; }

bool IsImportColumn(std::string_view name) {
  return std::find(kColumns.begin(), kColumns.end(), name) != kColumns.end();
}

absl::StatusOr<v1::ImportedKey> RowFromFields(std::span<const std::string> columns,
                                              std::span<const std::string> fields) {
  v1::ImportedKey key;
  for (size_t i = 0; i < columns.size(); ++i) {
    if (fields[i].empty()) continue;
    // gRPC would refuse the whole call, and the good rows in it.
    if (!IsValidUtf8(fields[i])) return InvalidField(columns[i], "must be UTF-8");
    // A file with its metadata elsewhere would be a way to read any file.
    if (columns[i] == "metadata" && fields[i].starts_with('@')) {
      return InvalidField("metadata", "must be a JSON object");
    }
    if (absl::Status s = SetText(columns[i], fields[i], key); !s.ok()) return s;
  }
  return key;
}

absl::StatusOr<v1::ImportedKey> RowFromJson(const std::string& text) {
  const absl::StatusOr<google::protobuf::Struct> object = ParseJsonObject(text);
  if (!object.ok()) return object.status();
  v1::ImportedKey key;
  for (const auto& [name, value] : object->fields()) {
    if (!IsImportColumn(name)) {
      return absl::InvalidArgumentError(
          fmt::format("there is no field '{}'; there are {}", name, fmt::join(kColumns, ", ")));
    }
    if (name == "metadata" && value.kind_case() == google::protobuf::Value::kStringValue) {
      return InvalidField("metadata", "must be an object");
    }
    if (absl::Status s = SetJson(name, value, key); !s.ok()) return s;
  }
  return key;
}

}  // namespace claviger::cli
