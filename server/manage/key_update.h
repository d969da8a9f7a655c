// What KeyManager::Update takes.
#ifndef CLAVIGER_SERVER_MANAGE_KEY_UPDATE_H_
#define CLAVIGER_SERVER_MANAGE_KEY_UPDATE_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "core/cidr.h"

namespace claviger {

// The new values of some attributes, within the bounds of their fields. Unset: stays as it is.
struct KeyUpdate {
  std::optional<std::string> display_name;
  std::optional<std::string> description;
  std::optional<std::string> owner;
  std::optional<std::map<std::string, std::string>> labels;
  std::optional<std::string> metadata;  // serialized google.protobuf.Struct
  std::optional<std::vector<Cidr>> allowed_cidrs;
  std::optional<std::optional<absl::Time>> expire_time;  // the inner one unset: never
};

}  // namespace claviger

#endif  // CLAVIGER_SERVER_MANAGE_KEY_UPDATE_H_
