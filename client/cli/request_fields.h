// Parts of requests made from arguments.
#ifndef CLAVIGER_CLIENT_CLI_REQUEST_FIELDS_H_
#define CLAVIGER_CLIENT_CLI_REQUEST_FIELDS_H_

#include <google/protobuf/map.h>
#include <google/protobuf/repeated_ptr_field.h>
#include <google/protobuf/struct.pb.h>

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/random.h"

namespace claviger::cli {

// `key=value` texts as a map. INVALID_ARGUMENT naming `flag` for a text without `=`, or a key
// twice.
absl::Status FillLabels(std::string_view flag, const std::vector<std::string>& texts,
                        google::protobuf::Map<std::string, std::string>& labels);

// A JSON object, or `@FILE` with one. INVALID_ARGUMENT when it is not.
absl::Status FillMetadata(std::string_view flag, const std::string& text,
                          google::protobuf::Struct& metadata);

void FillStrings(const std::vector<std::string>& texts,
                 google::protobuf::RepeatedPtrField<std::string>& field);

// A random UUID (RFC 9562, version 4). UNAVAILABLE when there is no entropy.
absl::StatusOr<std::string> NewRequestId(RandomSource& random);

}  // namespace claviger::cli

#endif  // CLAVIGER_CLIENT_CLI_REQUEST_FIELDS_H_
