// The file system that RocksDB sees: one that is never full.
#ifndef CLAVIGER_STORAGE_ROCKSDB_GUARDED_FILES_H_
#define CLAVIGER_STORAGE_ROCKSDB_GUARDED_FILES_H_

#include <memory>
#include <string>

#include "rocksdb/env.h"
#include "rocksdb/file_system.h"
#include "storage/rocksdb/disk_guard.h"

namespace claviger {

// An environment whose files below `folder` are written only when `guard` says that there is room;
// a write that finds none nevertheless is made again, whole, once there is. RocksDB's own log
// leaves lines out instead of waiting. Everything else is `base`'s. `guard`, `base` and what is
// returned outlive each database that is opened with it.
//
// Why: a write that fails makes RocksDB read-only until it is opened again, and Debian's build,
// which has assertions on, ends the process at the next write to the same file.
std::unique_ptr<rocksdb::Env> NewGuardedEnv(const std::shared_ptr<rocksdb::FileSystem>& base,
                                            std::string folder, DiskGuard& guard);

}  // namespace claviger

#endif  // CLAVIGER_STORAGE_ROCKSDB_GUARDED_FILES_H_
