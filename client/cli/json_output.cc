#include "client/cli/json_output.h"

#include <fmt/format.h>
#include <google/protobuf/util/json_util.h>

namespace claviger::cli {
namespace {

absl::StatusOr<std::string> Write(const google::protobuf::Message& message, bool indented) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = indented;
  options.always_print_primitive_fields = true;
  std::string json;
  const auto status = google::protobuf::util::MessageToJsonString(message, &json, options);
  if (!status.ok()) {
    return absl::InternalError(
        fmt::format("the server's answer cannot be written as JSON: {}", status.ToString()));
  }
  if (!json.ends_with('\n')) json += '\n';
  return json;
}

}  // namespace

absl::StatusOr<std::string> ToJson(const google::protobuf::Message& message) {
  return Write(message, /*indented=*/true);
}

absl::StatusOr<std::string> ToJsonLine(const google::protobuf::Message& message) {
  return Write(message, /*indented=*/false);
}

}  // namespace claviger::cli
