// Asks before something happens that cannot be undone.
#ifndef CLAVIGER_CLIENT_CLI_CONFIRMATION_H_
#define CLAVIGER_CLIENT_CLI_CONFIRMATION_H_

#include <string_view>

#include "absl/status/statusor.h"
#include "client/cli/console.h"

namespace claviger::cli {

// Whether the person at the terminal says yes to `question`, which ends with a question mark.
// Anything but `y` or `yes` is a no. INVALID_ARGUMENT, naming --yes, where nobody can be asked
// because the input is no terminal.
absl::StatusOr<bool> Confirm(Console& console, std::string_view question);

}  // namespace claviger::cli

#endif  // CLAVIGER_CLIENT_CLI_CONFIRMATION_H_
