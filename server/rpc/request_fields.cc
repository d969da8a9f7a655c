#include "server/rpc/request_fields.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/ascii.h"
#include "core/text.h"
#include "fmt/format.h"
#include "server/rpc/wire.h"

namespace claviger::field {
namespace {

constexpr int kMaxProjectIds = 64;
constexpr size_t kDefaultPageSize = 50;
constexpr size_t kMaxPageSize = 1000;
// google.protobuf.Timestamp: 0001-01-01 to 9999-12-31.
constexpr int64_t kMinTimestampSeconds = -62'135'596'800;
constexpr int64_t kMaxTimestampSeconds = 253'402'300'799;
// google.protobuf.Duration: about 10,000 years.
constexpr int64_t kMaxDurationSeconds = 315'576'000'000;
constexpr int32_t kNanosPerSecond = 1'000'000'000;

std::string At(const std::string& path, int index) { return fmt::format("{}[{}]", path, index); }

// Adds each number that JSON has no form for, with its path.
void CheckNumbers(const std::string& path, const google::protobuf::Value& value,
                  FieldErrors& errors) {
  if (value.has_number_value() && !std::isfinite(value.number_value())) {
    errors.Add(path, "must be a finite number: neither NaN nor Infinity");
  } else if (value.has_list_value()) {
    for (int i = 0; i < value.list_value().values_size(); ++i) {
      CheckNumbers(At(path, i), value.list_value().values(i), errors);
    }
  } else if (value.has_struct_value()) {
    for (const auto& [name, inner] : value.struct_value().fields()) {
      CheckNumbers(fmt::format("{}.{}", path, name), inner, errors);
    }
  }
}

}  // namespace

KeyId ReadKeyId(const std::string& path, const std::string& text, FieldErrors& errors) {
  const std::optional<KeyId> id = KeyId::Parse(text);
  if (!id.has_value()) {
    errors.Check(text.empty() ? RequiredField(path, "must be 16 base62 characters")
                              : InvalidField(path, "must be 16 base62 characters"));
    return KeyId();
  }
  return *id;
}

std::string ReadProjectId(const std::string& path, const std::string& text, FieldErrors& errors) {
  if (text.empty()) {
    errors.Check(RequiredField(path, std::string(kProjectIdSyntax)));
  } else if (!IsValidProjectId(text)) {
    errors.Add(path, std::string(kProjectIdSyntax));
  }
  return text;
}

std::vector<std::string> ReadProjectIds(const std::string& path, const Strings& texts,
                                        FieldErrors& errors) {
  if (texts.size() > kMaxProjectIds) {
    errors.Add(path, fmt::format("at most {} are accepted", kMaxProjectIds));
    return {};
  }
  std::vector<std::string> ids;
  for (int i = 0; i < texts.size(); ++i)
    ids.push_back(ReadProjectId(At(path, i), texts[i], errors));
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

std::string ReadText(const std::string& path, const std::string& text, size_t max_characters,
                     FieldErrors& errors) {
  errors.Check(CheckText(path, text, max_characters));
  return text;
}

std::string ReadName(const std::string& path, const std::string& text, size_t max_characters,
                     FieldErrors& errors) {
  errors.Check(CheckName(path, text, max_characters));
  return text;
}

std::string ReadRequiredName(const std::string& path, const std::string& text,
                             size_t max_characters, FieldErrors& errors) {
  errors.Check(CheckRequiredName(path, text, max_characters));
  return text;
}

ScopeSet ReadScopes(const std::string& path, const Strings& texts, FieldErrors& errors) {
  return errors.Take(ScopeSet::Create({texts.begin(), texts.end()}, path));
}

std::vector<Cidr> ReadCidrs(const std::string& path, const Strings& texts, FieldErrors& errors) {
  if (texts.size() > static_cast<int>(kMaxCidrsPerKey)) {
    errors.Add(path, fmt::format("at most {} are accepted", kMaxCidrsPerKey));
    return {};
  }
  std::vector<Cidr> cidrs;
  for (int i = 0; i < texts.size(); ++i) {
    const std::optional<Cidr> cidr = Cidr::Parse(texts[i]);
    if (!cidr.has_value()) {
      errors.Add(At(path, i), std::string(kCidrSyntax));
    } else if (std::find(cidrs.begin(), cidrs.end(), *cidr) == cidrs.end()) {
      cidrs.push_back(*cidr);
    }
  }
  return cidrs;
}

std::map<std::string, std::string> ReadLabels(
    const std::string& path, const google::protobuf::Map<std::string, std::string>& labels,
    FieldErrors& errors) {
  if (labels.size() > kMaxLabels) {
    errors.Add(path, fmt::format("at most {} are accepted", kMaxLabels));
    return {};
  }
  std::map<std::string, std::string> sorted(labels.begin(), labels.end());
  for (const auto& [key, value] : sorted) errors.Check(CheckLabel(path, key, value));
  return sorted;
}

std::string ReadMetadata(const std::string& path, const google::protobuf::Struct& metadata,
                         FieldErrors& errors) {
  if (metadata.fields().empty()) return {};
  std::string bytes = SerializeDeterministic(metadata);
  if (bytes.size() > kMaxMetadataBytes) {
    errors.Add(path, fmt::format("must have at most {} bytes when serialized", kMaxMetadataBytes));
    return bytes;
  }
  for (const auto& [name, value] : metadata.fields()) {
    CheckNumbers(fmt::format("{}.{}", path, name), value, errors);
  }
  return bytes;
}

absl::Time ReadTime(const std::string& path, const google::protobuf::Timestamp& time,
                    FieldErrors& errors) {
  if (time.seconds() < kMinTimestampSeconds || time.seconds() > kMaxTimestampSeconds ||
      time.nanos() < 0 || time.nanos() >= kNanosPerSecond) {
    errors.Add(path, "must be between 0001-01-01T00:00:00Z and 9999-12-31T23:59:59.999999999Z");
    return absl::UnixEpoch();
  }
  return absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos());
}

absl::Duration ReadDuration(const std::string& path, const google::protobuf::Duration& duration,
                            FieldErrors& errors) {
  const bool signs_differ = (duration.seconds() > 0 && duration.nanos() < 0) ||
                            (duration.seconds() < 0 && duration.nanos() > 0);
  if (duration.seconds() < -kMaxDurationSeconds || duration.seconds() > kMaxDurationSeconds ||
      duration.nanos() <= -kNanosPerSecond || duration.nanos() >= kNanosPerSecond || signs_differ) {
    errors.Add(path,
               "must be a duration of at most 10,000 years, seconds and nanos of the same sign");
    return absl::ZeroDuration();
  }
  return absl::Seconds(duration.seconds()) + absl::Nanoseconds(duration.nanos());
}

std::optional<Environment> ReadEnvironment(const std::string& path, v1::Environment environment,
                                           FieldErrors& errors) {
  switch (environment) {
    case v1::ENVIRONMENT_UNSPECIFIED:
      return std::nullopt;
    case v1::ENVIRONMENT_LIVE:
      return Environment::kLive;
    case v1::ENVIRONMENT_TEST:
      return Environment::kTest;
    default:
      errors.Add(path, "must be ENVIRONMENT_LIVE or ENVIRONMENT_TEST");
      return std::nullopt;
  }
}

RevokeReason ReadRevokeReason(const std::string& path, v1::RevokeReason reason,
                              FieldErrors& errors) {
  if (!v1::RevokeReason_IsValid(reason)) errors.Add(path, "must be one of RevokeReason");
  // The numbers of the two enums agree, which answers.cc checks.
  return static_cast<RevokeReason>(reason);
}

void CheckPropagation(const std::string& path, v1::PropagationMode mode, FieldErrors& errors) {
  if (!v1::PropagationMode_IsValid(mode)) {
    errors.Add(path, "must be PROPAGATION_MODE_STRICT or PROPAGATION_MODE_COMMIT");
  }
}

std::optional<std::string> ReadUuid(const std::string& path, const std::string& text,
                                    FieldErrors& errors) {
  if (text.empty()) return std::nullopt;
  bool valid = text.size() == 36;
  for (size_t i = 0; valid && i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    valid = dash ? text[i] == '-' : absl::ascii_isxdigit(static_cast<unsigned char>(text[i]));
  }
  if (!valid) {
    errors.Add(path, "must be a UUID, e.g. 123e4567-e89b-42d3-a456-426614174000");
    return std::nullopt;
  }
  return absl::AsciiStrToLower(text);
}

size_t ReadPageSize(const std::string& path, int32_t page_size, FieldErrors& errors) {
  if (page_size < 0) {
    errors.Add(path, "must not be negative; 0 is 50, and more than 1000 is taken as 1000");
    return kDefaultPageSize;
  }
  if (page_size == 0) return kDefaultPageSize;
  return std::min<size_t>(page_size, kMaxPageSize);
}

}  // namespace claviger::field
