// JSON that somebody else wrote.
#ifndef CLAVIGER_CLIENT_CLI_JSON_INPUT_H_
#define CLAVIGER_CLIENT_CLI_JSON_INPUT_H_

#include <google/protobuf/struct.pb.h>

#include <string>

#include "absl/status/statusor.h"

namespace claviger::cli {

// The JSON object that `text` is. INVALID_ARGUMENT saying what it is not: UTF-8, an object, or one
// without the same name twice, of which readers take now the first and now the last.
absl::StatusOr<google::protobuf::Struct> ParseJsonObject(const std::string& text);

}  // namespace claviger::cli

#endif  // CLAVIGER_CLIENT_CLI_JSON_INPUT_H_
