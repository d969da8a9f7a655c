#include "client/cli/json_input.h"

#include <google/protobuf/util/json_util.h>

#include "core/text.h"

namespace claviger::cli {

absl::StatusOr<google::protobuf::Struct> ParseJsonObject(const std::string& text) {
  if (!IsValidUtf8(text)) return absl::InvalidArgumentError("must be UTF-8");
  google::protobuf::Struct object;
  // A name that comes twice is an error to it where the names are those of a map, not of a message.
  if (!google::protobuf::util::JsonStringToMessage(text, &object).ok()) {
    return absl::InvalidArgumentError("is not a JSON object, or has a name twice");
  }
  return object;
}

}  // namespace claviger::cli
