// A store that can be copied while it serves.
#ifndef CLAVIGER_STORAGE_BACKUP_SOURCE_H_
#define CLAVIGER_STORAGE_BACKUP_SOURCE_H_

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "core/backup_format.h"
#include "core/revision.h"

namespace claviger {

// The most that a backup gives at a time: what each one under way takes of memory.
inline constexpr size_t kBackupChunkBytes = size_t{256} << 10;

// One state of a store, from the beginning of its backup to the end. What the store writes
// meanwhile is not in it and does not wait for it. Its end gives back what it took of the disk, and
// blocks on I/O.
//
// Thread safety: none.
class BackupStream {
 public:
  virtual ~BackupStream() = default;

  virtual const BackupHeader& header() const = 0;
  // The next bytes of the backup, at most kBackupChunkBytes; empty: that was all. Blocks on I/O.
  // RESOURCE_EXHAUSTED `STORE_FULL`: the disk is too full for a backup to go on, which keeps the
  // store from giving back what it no longer needs.
  virtual absl::StatusOr<std::string> Next() = 0;
};

// Thread safety: all methods may be called from any thread at once.
class BackupSource {
 public:
  virtual ~BackupSource() = default;

  // Begins a backup that has everything up to `at_least`, which is committed. `version` is that of
  // this program. Blocks on I/O, up to seconds. RESOURCE_EXHAUSTED `OVERLOADED`: another one is
  // under way; `STORE_FULL`: not enough room for one. UNAVAILABLE `STORE_UNAVAILABLE`: I/O, or the
  // store takes no changes any more.
  virtual absl::StatusOr<std::unique_ptr<BackupStream>> BeginBackup(Revision at_least,
                                                                    std::string_view version) = 0;
};

}  // namespace claviger

#endif  // CLAVIGER_STORAGE_BACKUP_SOURCE_H_
