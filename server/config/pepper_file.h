// A new first line for the pepper file.
#ifndef CLAVIGER_SERVER_CONFIG_PEPPER_FILE_H_
#define CLAVIGER_SERVER_CONFIG_PEPPER_FILE_H_

#include <filesystem>
#include <string>

#include "absl/status/status.h"
#include "core/random.h"

namespace claviger {

// Puts a new pepper called `id` before all others in `file`, or makes the file: mode 0600, as a
// whole or not at all, durable when this returns; its owner stays the same. INVALID_ARGUMENT for a
// bad id, ALREADY_EXISTS for one that is there, FAILED_PRECONDITION for a file that is no pepper
// file or is open to others; UNAVAILABLE when it cannot be written or there is no entropy.
absl::Status AddPepper(const std::filesystem::path& file, const std::string& id,
                       RandomSource& random);

}  // namespace claviger

#endif  // CLAVIGER_SERVER_CONFIG_PEPPER_FILE_H_
