// From a backup to a data folder.
//
//   restoring/            while a restore goes on; a server does not start beside it
//     db/                 the files of the backup
//     watermark, …        what the opened store writes
//
// Everything is made ready and checked in there, and moved to its place at the end.
#ifndef CLAVIGER_STORAGE_ROCKSDB_RESTORING_H_
#define CLAVIGER_STORAGE_ROCKSDB_RESTORING_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/backup_decoder.h"
#include "core/clock.h"
#include "core/file_descriptor.h"
#include "storage/rocksdb/data_dir.h"
#include "storage/rocksdb/full_scan.h"

namespace claviger {

inline constexpr char kRestoringFolder[] = "restoring";

// FAILED_PRECONDITION: a restore into this folder began and did not end.
absl::Status CheckNotBeingRestored(const DataDir& dir);

// FAILED_PRECONDITION unless `path` is a folder that has nothing but what an interrupted restore
// left, or does not exist. Changes nothing.
absl::Status CheckFitToRestoreInto(const std::string& path);

// Removes what an interrupted restore left; the path of a new, empty kRestoringFolder. REQUIRES:
// CheckFitToRestoreInto said OK while the folder was locked.
absl::StatusOr<std::string> BeginRestore(const DataDir& dir);
// Moves what is in kRestoringFolder to its place, the database last; durable when it returns OK.
absl::Status FinishRestore(const DataDir& dir);

// Writes the files of a backup into the folder `folder`/db, durably, mode 0600.
//
// Thread safety: none.
class BackupUnpacker final : public BackupSink {
 public:
  // `folder` exists, and is empty.
  explicit BackupUnpacker(std::string folder) : folder_(std::move(folder)) {}

  // FAILED_PRECONDITION: of another schema. RESOURCE_EXHAUSTED `STORE_FULL`: not enough room.
  absl::Status OnHeader(const BackupHeader& header) override;
  absl::Status OnFile(const BackupFile& file) override;
  absl::Status OnBytes(std::string_view bytes) override;
  absl::Status OnFileEnd() override;

 private:
  const std::string folder_;
  std::string path_;  // of the file that is being written
  FileDescriptor fd_;
};

// Reads the backup in `file`, "-" for standard input, to its end. Errors name the file.
absl::StatusOr<BackupHeader> ReadBackup(const std::string& file, BackupSink* sink);

// Opens the database that was unpacked into `folder`, and reads all of it. DATA_LOSS: it is not
// what `header` says, or is damaged.
absl::StatusOr<FullScanReport> ScanUnpacked(const std::string& folder, const BackupHeader& header,
                                            size_t memory_bytes, const Clock& clock);

}  // namespace claviger

#endif  // CLAVIGER_STORAGE_ROCKSDB_RESTORING_H_
