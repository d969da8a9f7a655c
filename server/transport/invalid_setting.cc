#include "server/transport/invalid_setting.h"

#include <string>

#include "core/status.h"
#include "fmt/format.h"

namespace claviger {

absl::Status InvalidSetting(std::string_view setting, std::string_view value,
                            std::string_view accepted) {
  return ErrorBuilder(absl::StatusCode::kInvalidArgument, Reason::kConfigInvalid)
      .Field(std::string(setting), fmt::format("must be {}", accepted))
      .Build(fmt::format("{}: '{}' is not accepted: it must be {}", setting, value, accepted));
}

}  // namespace claviger
