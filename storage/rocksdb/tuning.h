// How RocksDB is set up. What each recovery setting means: docs/storage-format.md.
#ifndef CLAVIGER_STORAGE_ROCKSDB_TUNING_H_
#define CLAVIGER_STORAGE_ROCKSDB_TUNING_H_

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "core/clock.h"
#include "rocksdb/db.h"
#include "rocksdb/file_system.h"
#include "rocksdb/options.h"
#include "rocksdb/wal_filter.h"
#include "storage/usage.h"

namespace claviger {

struct Tuning {
  std::shared_ptr<rocksdb::Env> env;  // what `db` runs in; outlives the database
  rocksdb::DBOptions db;
  // One for each of `kFamilyNames`, in that order.
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  std::shared_ptr<rocksdb::WalFilter> wal_filter;  // outlives the database; null: none

  // Looks on while the logs are replayed.
  void SetWalFilter(std::shared_ptr<rocksdb::WalFilter> filter) {
    wal_filter = std::move(filter);
    db.wal_filter = wal_filter.get();
  }
};

// Options that keep RocksDB's memory within `memory_bytes`, and counts of checks for
// `usage_retention`. `clock` outlives the database. `files` may be null: the disk.
Tuning MakeTuning(size_t memory_bytes, const Clock& clock,
                  absl::Duration usage_retention = kDefaultUsageRetention,
                  const std::shared_ptr<rocksdb::FileSystem>& files = nullptr);

// A commit: durable when the write returns.
rocksdb::WriteOptions DurableWrite();

// A read of much that is not needed again: leaves the cache to the checks.
rocksdb::ReadOptions ScanRead();

}  // namespace claviger

#endif  // CLAVIGER_STORAGE_ROCKSDB_TUNING_H_
