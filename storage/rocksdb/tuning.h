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
#include "rocksdb/options.h"
#include "rocksdb/wal_filter.h"
#include "storage/usage.h"

namespace claviger {

struct Tuning {
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

// What is written but not yet in tables, and so in memory and in the log, takes at most so much.
inline constexpr size_t kMaxMemtableBytes = size_t{128} << 20;

// Options that keep RocksDB's memory within `memory_bytes`, what is not yet in tables within a
// quarter of that and `memtable_bytes` (at least 4 MiB), and counts of checks for
// `usage_retention`. `clock` outlives the database.
Tuning MakeTuning(size_t memory_bytes, const Clock& clock,
                  absl::Duration usage_retention = kDefaultUsageRetention,
                  size_t memtable_bytes = kMaxMemtableBytes);

// A commit: durable when the write returns.
rocksdb::WriteOptions DurableWrite();

// A read of much that is not needed again: leaves the cache to the checks.
rocksdb::ReadOptions ScanRead();

}  // namespace claviger

#endif  // CLAVIGER_STORAGE_ROCKSDB_TUNING_H_
