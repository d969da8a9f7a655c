// A backup of a store that nothing else has open.
#ifndef CLAVIGER_TESTS_SUPPORT_MAKE_BACKUP_H_
#define CLAVIGER_TESTS_SUPPORT_MAKE_BACKUP_H_

#include <string>

#include "absl/status/status.h"

namespace claviger {

// Writes a backup of the store in `data_dir` to `file`.
absl::Status MakeBackup(const std::string& data_dir, const std::string& file);

}  // namespace claviger

#endif  // CLAVIGER_TESTS_SUPPORT_MAKE_BACKUP_H_
