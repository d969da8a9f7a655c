// The error of a setting that is not accepted.
#ifndef CLAVIGER_SERVER_TRANSPORT_INVALID_SETTING_H_
#define CLAVIGER_SERVER_TRANSPORT_INVALID_SETTING_H_

#include <string_view>

#include "absl/status/status.h"

namespace claviger {

// INVALID_ARGUMENT, `CONFIG_INVALID`: "<setting>: '<value>' is not accepted: it must be
// <accepted>".
absl::Status InvalidSetting(std::string_view setting, std::string_view value,
                            std::string_view accepted);

}  // namespace claviger

#endif  // CLAVIGER_SERVER_TRANSPORT_INVALID_SETTING_H_
