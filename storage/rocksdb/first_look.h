// A look at a database before it is opened, which changes nothing in it.
#ifndef CLAVIGER_STORAGE_ROCKSDB_FIRST_LOOK_H_
#define CLAVIGER_STORAGE_ROCKSDB_FIRST_LOOK_H_

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "storage/rocksdb/codec.h"
#include "storage/rocksdb/tuning.h"

namespace claviger {

enum class LogState : uint8_t {
  kWhole,
  kGap,  // changes are missing between others; what is before them is whole
};

struct FirstLook {
  LogState logs = LogState::kWhole;
  // That is stored; nullopt: there is no database, or one of another schema, or one with a gap.
  std::optional<PersistedState> state;
};

// Whether the logs and tables in `db_path` hold a history without a gap. Reads the logs, as opening
// does. To open would make tables out of the logs: a gap would not show any more at the next start.
// `was_started`: a start got so far that the database was complete. DATA_LOSS: damaged, or not to
// be mended by leaving out what comes after a gap. Blocks on I/O.
absl::StatusOr<FirstLook> LookAtLogs(const std::string& db_path, const Tuning& tuning,
                                     bool was_started);

}  // namespace claviger

#endif  // CLAVIGER_STORAGE_ROCKSDB_FIRST_LOOK_H_
