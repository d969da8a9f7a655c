// Copies of a database that is in use.
#ifndef CLAVIGER_STORAGE_ROCKSDB_BACKUP_H_
#define CLAVIGER_STORAGE_ROCKSDB_BACKUP_H_

#include <atomic>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "core/clock.h"
#include "storage/backup_source.h"
#include "storage/rocksdb/data_dir.h"
#include "storage/rocksdb/database.h"
#include "storage/rocksdb/disk_guard.h"

namespace claviger {

// Where a checkpoint is while its backup is read, in the data folder: on the same disk, so that
// tables are linked and not copied.
inline constexpr char kCheckpointFolder[] = "backup";

// Removes what a backup left that was cut off by the end of the process. REQUIRES: no other process
// has the folder.
absl::Status RemoveLeftCheckpoint(const DataDir& dir);

// Takes checkpoints, one at a time. A checkpoint is made of links to tables, which never change,
// and of a copy of the log's end; it takes room only for what the store replaces meanwhile.
//
// Thread safety: all methods may be called from any thread at once.
class Backups {
 public:
  // All outlive this and the streams that it gives.
  Backups(const DataDir& dir, Database& database, const DiskGuard& disk, const Clock& clock)
      : dir_(dir), database_(database), disk_(disk), clock_(clock) {}

  // As BackupSource::BeginBackup.
  absl::StatusOr<std::unique_ptr<BackupStream>> Begin(Revision at_least, std::string_view version);

 private:
  const DataDir& dir_;
  Database& database_;
  const DiskGuard& disk_;
  const Clock& clock_;
  std::atomic<bool> under_way_{false};
};

}  // namespace claviger

#endif  // CLAVIGER_STORAGE_ROCKSDB_BACKUP_H_
