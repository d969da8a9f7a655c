// What is checked before a store serves.
#ifndef CLAVIGER_STORAGE_ROCKSDB_OPENING_H_
#define CLAVIGER_STORAGE_ROCKSDB_OPENING_H_

#include <memory>

#include "absl/status/statusor.h"
#include "storage/rocksdb/codec.h"
#include "storage/rocksdb/damaged_compactions.h"
#include "storage/rocksdb/data_dir.h"
#include "storage/rocksdb/database.h"
#include "storage/rocksdb/disk_protection.h"
#include "storage/rocksdb/options.h"

namespace claviger {

struct OpenedDatabase {
  std::unique_ptr<Database> database;
  std::unique_ptr<CompactionStopper> compaction_stopper;  // of `database`, and ends before it
  PersistedState state;  // as it is in the database and in the watermark file
  bool has_imported_keys = false;
};

// Opens the database in `dir`, or makes a new one. Refuses, naming file and remedy: a database that
// is damaged, incomplete, of another schema, or behind its watermark.
// `disk` outlives the database.
absl::StatusOr<OpenedDatabase> OpenDatabase(const DataDir& dir, const RocksDbStoreOptions& options,
                                            DiskProtection& disk);

}  // namespace claviger

#endif  // CLAVIGER_STORAGE_ROCKSDB_OPENING_H_
