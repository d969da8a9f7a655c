// Files that only their owner may read: peppers, the root key.
#ifndef CLAVIGER_SERVER_CONFIG_PRIVATE_FILE_H_
#define CLAVIGER_SERVER_CONFIG_PRIVATE_FILE_H_

#include <cstddef>
#include <filesystem>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/secret.h"

namespace claviger {

inline constexpr size_t kMaxPrivateFileBytes = 64 << 10;

// The bytes of a regular file. Errors: NOT_FOUND when it does not exist; FAILED_PRECONDITION when
// group or others may read or write it, it is not a regular file or holds more than
// kMaxPrivateFileBytes; UNAVAILABLE when it cannot be read. The mode is that of the open file, so
// it cannot be exchanged in between.
absl::StatusOr<Secret> ReadPrivateFile(const std::filesystem::path& path);

// Makes a file of mode 0600, durable when this returns: written beside, synced, then linked to
// `path`. ALREADY_EXISTS when something is there, which then stays as it was.
absl::Status CreatePrivateFile(const std::filesystem::path& path, std::string_view bytes);

// The same, replacing what is there, whose owner it keeps.
absl::Status ReplacePrivateFile(const std::filesystem::path& path, std::string_view bytes);

}  // namespace claviger

#endif  // CLAVIGER_SERVER_CONFIG_PRIVATE_FILE_H_
