// From a backup to the files of a database, which are then read whole.
#ifndef CLAVIGER_STORAGE_ROCKSDB_RESTORING_H_
#define CLAVIGER_STORAGE_ROCKSDB_RESTORING_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/backup_decoder.h"
#include "core/clock.h"
#include "core/file_descriptor.h"
#include "storage/rocksdb/full_scan.h"
#include "storage/usage.h"

namespace claviger {

// Writes the files of a backup into the folder `folder`/db, durably, mode 0600.
//
// Thread safety: none.
class BackupUnpacker final : public BackupSink {
 public:
  // `folder` exists, and is empty. `keep_free` bytes of its disk are what the store will keep free
  // before it takes changes.
  BackupUnpacker(std::string folder, uint64_t keep_free)
      : folder_(std::move(folder)), keep_free_(keep_free) {}

  // FAILED_PRECONDITION: of another schema. RESOURCE_EXHAUSTED `STORE_FULL`: not enough room.
  absl::Status OnHeader(const BackupHeader& header) override;
  absl::Status OnFile(const BackupFile& file) override;
  absl::Status OnBytes(std::string_view bytes) override;
  absl::Status OnFileEnd() override;

 private:
  const std::string folder_;
  const uint64_t keep_free_;
  std::string path_;  // of the file that is being written
  FileDescriptor fd_;
};

// Reads the backup in `file`, "-" for standard input, to its end. Errors name the file.
absl::StatusOr<BackupHeader> ReadBackup(const std::string& file, BackupSink* sink);

// Opens the database that was unpacked into `folder`, and reads all of it. DATA_LOSS: it is not
// what `header` says, or is damaged. Counts of checks that are older than `usage_retention` may go
// by that, as in a store that is open.
absl::StatusOr<FullScanReport> ScanUnpacked(
    const std::string& folder, const BackupHeader& header, size_t memory_bytes, const Clock& clock,
    absl::Duration usage_retention = kDefaultUsageRetention);

}  // namespace claviger

#endif  // CLAVIGER_STORAGE_ROCKSDB_RESTORING_H_
