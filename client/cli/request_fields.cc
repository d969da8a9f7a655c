#include "client/cli/request_fields.h"

#include <fmt/format.h>
#include <google/protobuf/util/json_util.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <fstream>
#include <iterator>

#include "core/digest.h"
#include "core/status.h"

namespace claviger::cli {

absl::Status FillLabels(std::string_view flag, const std::vector<std::string>& texts,
                        google::protobuf::Map<std::string, std::string>& labels) {
  for (const std::string& text : texts) {
    const size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
      return InvalidField(std::string(flag), "must be KEY=VALUE, e.g. team=payments");
    }
    const std::string key = text.substr(0, equals);
    if (!labels.insert({key, text.substr(equals + 1)}).second) {
      return InvalidField(std::string(flag), fmt::format("gives {} twice", key));
    }
  }
  return absl::OkStatus();
}

absl::Status FillMetadata(std::string_view flag, const std::string& text,
                          google::protobuf::Struct& metadata) {
  std::string json = text;
  if (text.starts_with('@')) {
    const std::string path = text.substr(1);
    std::ifstream file(path, std::ios::binary);
    if (!file) return absl::ErrnoToStatus(errno, fmt::format("{}: cannot open {}", flag, path));
    json.assign(std::istreambuf_iterator<char>(file), {});
  }
  if (!google::protobuf::util::JsonStringToMessage(json, &metadata).ok()) {
    return InvalidField(std::string(flag),
                        R"(must be a JSON object, e.g. {"plan":"pro"}, or @FILE)");
  }
  return absl::OkStatus();
}

void FillStrings(const std::vector<std::string>& texts,
                 google::protobuf::RepeatedPtrField<std::string>& field) {
  field.Assign(texts.begin(), texts.end());
}

absl::StatusOr<std::string> NewRequestId(RandomSource& random) {
  std::array<uint8_t, 16> bytes{};
  if (absl::Status status = random.Fill(bytes); !status.ok()) return status;
  bytes[6] = static_cast<uint8_t>((bytes[6] & 0x0F) | 0x40);
  bytes[8] = static_cast<uint8_t>((bytes[8] & 0x3F) | 0x80);
  const std::string hex = ToHex({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  const std::string_view text = hex;
  return fmt::format("{}-{}-{}-{}-{}", text.substr(0, 8), text.substr(8, 4), text.substr(12, 4),
                     text.substr(16, 4), text.substr(20));
}

}  // namespace claviger::cli
