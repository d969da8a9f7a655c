// Answers as JSON.
#ifndef CLAVIGER_CLIENT_CLI_JSON_OUTPUT_H_
#define CLAVIGER_CLIENT_CLI_JSON_OUTPUT_H_

#include <google/protobuf/message.h>

#include <string>

#include "absl/status/statusor.h"

namespace claviger::cli {

// protobuf's own JSON of `message` (lowerCamelCase, https://protobuf.dev/programming-guides/json),
// indented, fields without a value included so that a script can rely on them, ended by a newline.
// INTERNAL when the message cannot be written as JSON, e.g. a time beyond the year 9999.
absl::StatusOr<std::string> ToJson(const google::protobuf::Message& message);
// The same in one line.
absl::StatusOr<std::string> ToJsonLine(const google::protobuf::Message& message);

}  // namespace claviger::cli

#endif  // CLAVIGER_CLIENT_CLI_JSON_OUTPUT_H_
