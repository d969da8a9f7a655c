// Keeps a damaged table from stopping changes.
//
// RocksDB takes no write any more once a merge of tables has met a block that cannot be read. A
// failed merge takes nothing away, though: its tables stay as they were, and what is written later
// does not depend on them. So that is forgiven, and the family with the damage is left unmerged
// until the database is opened again, for RocksDB would try again each second, and hold writes up
// once there are many tables. Reads become slower by and by, but keys can be revoked. Everything
// else that goes wrong at RocksDB's own work stops writes as before.
#ifndef CLAVIGER_STORAGE_ROCKSDB_DAMAGED_MERGES_H_
#define CLAVIGER_STORAGE_ROCKSDB_DAMAGED_MERGES_H_

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

// What merges met; is told by RocksDB, from before the opening of the database to its end.
//
// Thread safety: all methods may be called from any thread at once.
class DamagedMerges final : public rocksdb::EventListener {
 public:
  void OnCompactionCompleted(rocksdb::DB* db, const rocksdb::CompactionJobInfo& merge) override
      ABSL_LOCKS_EXCLUDED(mutex_);
  // Called behind the one above, for the same merge.
  void OnBackgroundError(rocksdb::BackgroundErrorReason reason, rocksdb::Status* error) override;

  // OK, or DATA_LOSS `DATA_CORRUPT` that names the first damage that a merge met.
  absl::Status damage() const ABSL_LOCKS_EXCLUDED(mutex_);

  // The families with damage that were not taken yet. Blocks until there are any; empty: Close was
  // called.
  std::set<std::string> TakeFamilies() ABSL_LOCKS_EXCLUDED(mutex_);
  void Close() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  bool HasNews() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return closed_ || !families_.empty();
  }

  mutable absl::Mutex mutex_;
  absl::Status damage_ ABSL_GUARDED_BY(mutex_);
  std::set<std::string> families_ ABSL_GUARDED_BY(mutex_);
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
};

// Leaves what `merges` finds unmerged, on a thread of its own: within the listener it could wait
// for itself. Ends when destroyed, before `database` does.
class MergeStopper {
 public:
  MergeStopper(std::shared_ptr<DamagedMerges> merges, Database& database);
  ~MergeStopper();

  MergeStopper(const MergeStopper&) = delete;
  MergeStopper& operator=(const MergeStopper&) = delete;

  absl::Status damage() const { return merges_->damage(); }

 private:
  void Loop();

  const std::shared_ptr<DamagedMerges> merges_;
  Database& database_;
  std::thread thread_;
};

}  // namespace claviger

#endif  // CLAVIGER_STORAGE_ROCKSDB_DAMAGED_MERGES_H_
