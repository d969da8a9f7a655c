// The families `usage` and `last_used`: written beside the mutations, not by them.
#ifndef CLAVIGER_STORAGE_ROCKSDB_USAGE_ROWS_H_
#define CLAVIGER_STORAGE_ROCKSDB_USAGE_ROWS_H_

#include <optional>
#include <span>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "core/clock.h"
#include "storage/rocksdb/database.h"
#include "storage/usage.h"

namespace claviger {

// Counts are merged: to add to a row does not read it. The last use is read, compared and put: it
// changes for as long as its key lives, and a merge for each time would pile up where memtables
// are rarely flushed, to be worked off by whoever reads it.
//
// Thread safety: all methods may be called from any thread at once.
class UsageRows {
 public:
  // Both references outlive this.
  UsageRows(Database& database, const Clock& clock, absl::Duration retention)
      : database_(database), clock_(clock), retention_(retention) {}

  // The following are as in KeyStore.
  absl::Status Add(std::span<const UsageDelta> deltas) ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<std::vector<UsageRow>> Read(const UsageSubject& subject, UsageHour first,
                                             UsageHour last) const;
  absl::StatusOr<std::vector<std::optional<LastUse>>> FindLastUses(
      std::span<const KeyId> ids) const;

  // Add is refused from now on, and none is running when this returns.
  void Close() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  // `damage` gets the first error of a key whose rows cannot be read; such are left out.
  absl::Status AddSome(std::span<const UsageDelta> deltas, absl::Status& damage)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::StatusOr<bool> KeyExists(const KeyId& id) const;
  absl::StatusOr<std::optional<LastUse>> FindLastUse(const KeyId& id) const;
  absl::Status Write(rocksdb::WriteBatch& rows);

  Database& database_;
  const Clock& clock_;
  const absl::Duration retention_;
  absl::Mutex mutex_;  // one Add at a time
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace claviger

#endif  // CLAVIGER_STORAGE_ROCKSDB_USAGE_ROWS_H_
