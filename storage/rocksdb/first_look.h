// A look at a database before it is opened, which changes nothing in it.
#ifndef CLAVIGER_STORAGE_ROCKSDB_FIRST_LOOK_H_
#define CLAVIGER_STORAGE_ROCKSDB_FIRST_LOOK_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "storage/rocksdb/tuning.h"

namespace claviger {

enum class LogState : uint8_t {
  kWhole,
  kGap,  // changes are missing between others; what is before them is whole
};

// Whether the logs and tables in `db_path` hold a history without a gap. Reads the logs, as opening
// does. To open would make tables out of the logs: a gap would not show any more at the next start.
// DATA_LOSS: damaged, or not to be mended by leaving out what comes after a gap. Blocks on I/O.
absl::StatusOr<LogState> LookAtLogs(const std::string& db_path, const Tuning& tuning);

}  // namespace claviger

#endif  // CLAVIGER_STORAGE_ROCKSDB_FIRST_LOOK_H_
