// Keeps a damaged table from stopping changes.
//
// RocksDB takes no write any more once a compaction has met a block that cannot be read. A failed
// compaction takes nothing away, though: its tables stay as they were, and what is written later
// does not depend on them. So that is forgiven, and after some failures the family with the damage
// is no longer compacted until the database is opened again, for RocksDB would begin anew each
// second. Reads become slower by and by, but keys can be revoked. Everything else that goes wrong
// at RocksDB's own work stops writes as before.
#ifndef CLAVIGER_STORAGE_ROCKSDB_DAMAGED_COMPACTIONS_H_
#define CLAVIGER_STORAGE_ROCKSDB_DAMAGED_COMPACTIONS_H_

#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "rocksdb/listener.h"
#include "storage/rocksdb/database.h"

namespace claviger {

// What compactions met; is told by RocksDB, from before the opening of the database to its end.
//
// Thread safety: all methods may be called from any thread at once.
class DamagedCompactions final : public rocksdb::EventListener {
 public:
  // Failures of a family, a second apart, until it counts as damaged: what goes wrong once may have
  // gone wrong between the disk and here.
  static constexpr int kTries = 3;

  void OnCompactionCompleted(rocksdb::DB* db, const rocksdb::CompactionJobInfo& compaction) override
      ABSL_LOCKS_EXCLUDED(mutex_);
  // Called behind the one above, for the same compaction.
  void OnBackgroundError(rocksdb::BackgroundErrorReason reason, rocksdb::Status* error) override;

  // OK, or DATA_LOSS `DATA_CORRUPT` that names the first family and table that is damaged.
  absl::Status damage() const ABSL_LOCKS_EXCLUDED(mutex_);

  // The damaged families that were not taken yet. Blocks until there are any; empty: Close was
  // called.
  std::set<std::string> TakeFamilies() ABSL_LOCKS_EXCLUDED(mutex_);
  void Close() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  bool HasNews() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return closed_ || !families_.empty();
  }

  mutable absl::Mutex mutex_;
  absl::Status damage_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, int> failures_ ABSL_GUARDED_BY(mutex_);  // by family
  std::set<std::string> families_ ABSL_GUARDED_BY(mutex_);
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
};

// Ends the compactions of damaged families, on a thread of its own: within the listener it could
// wait for itself. Ends when destroyed, before `database` does.
class CompactionStopper {
 public:
  CompactionStopper(std::shared_ptr<DamagedCompactions> compactions, Database& database);
  ~CompactionStopper();

  CompactionStopper(const CompactionStopper&) = delete;
  CompactionStopper& operator=(const CompactionStopper&) = delete;

  absl::Status damage() const { return compactions_->damage(); }

 private:
  void Loop();

  const std::shared_ptr<DamagedCompactions> compactions_;
  Database& database_;
  std::thread thread_;
};

}  // namespace claviger

#endif  // CLAVIGER_STORAGE_ROCKSDB_DAMAGED_COMPACTIONS_H_
