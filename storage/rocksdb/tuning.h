// How RocksDB is set up. What each recovery setting means: docs/storage-format.md.
#ifndef CLAVIGER_STORAGE_ROCKSDB_TUNING_H_
#define CLAVIGER_STORAGE_ROCKSDB_TUNING_H_

#include <cstddef>
#include <vector>

#include "absl/time/time.h"
#include "core/clock.h"
#include "rocksdb/db.h"
#include "rocksdb/options.h"
#include "storage/usage.h"

namespace claviger {

struct Tuning {
  rocksdb::DBOptions db;
  // One for each of `kFamilyNames`, in that order.
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
};

// Options that keep RocksDB's memory within `memory_bytes`, and counts of checks for
// `usage_retention`. `clock` outlives the database.
Tuning MakeTuning(size_t memory_bytes, const Clock& clock,
                  absl::Duration usage_retention = kDefaultUsageRetention);

// A commit: durable when the write returns.
rocksdb::WriteOptions DurableWrite();

// A read of much that is not needed again: leaves the cache to the checks.
rocksdb::ReadOptions ScanRead();

}  // namespace claviger

#endif  // CLAVIGER_STORAGE_ROCKSDB_TUNING_H_
