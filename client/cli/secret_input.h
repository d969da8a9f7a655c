// Reading secrets from files, pipes and people, never from arguments.
#ifndef CLAVIGER_CLIENT_CLI_SECRET_INPUT_H_
#define CLAVIGER_CLIENT_CLI_SECRET_INPUT_H_

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"
#include "core/secret.h"

namespace claviger::cli {

// More than any key with its line end; what is longer is not a key.
inline constexpr size_t kMaxSecretInputBytes = 4096;

// All of `fd` up to its end, without spaces and line ends around it. INVALID_ARGUMENT naming
// `source` when it is empty, longer than 4096 bytes, or cannot be read.
absl::StatusOr<Secret> ReadSecret(int fd, const std::string& source);

// The same for the file at `path`. NOT_FOUND or PERMISSION_DENIED when it cannot be opened.
absl::StatusOr<Secret> ReadSecretFile(const std::string& path);

// One line typed at the terminal `fd`, not echoed.
absl::StatusOr<Secret> PromptSecret(int fd, const std::string& source);

}  // namespace claviger::cli

#endif  // CLAVIGER_CLIENT_CLI_SECRET_INPUT_H_
