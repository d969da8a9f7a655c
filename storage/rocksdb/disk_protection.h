// All that stands between a store and a full disk, made together.
#ifndef CLAVIGER_STORAGE_ROCKSDB_DISK_PROTECTION_H_
#define CLAVIGER_STORAGE_ROCKSDB_DISK_PROTECTION_H_

#include <memory>

#include "absl/status/statusor.h"
#include "rocksdb/env.h"
#include "storage/rocksdb/ballast.h"
#include "storage/rocksdb/data_dir.h"
#include "storage/rocksdb/disk_guard.h"
#include "storage/rocksdb/options.h"

namespace claviger {

// Thread safety: its parts have their own.
class DiskProtection {
 public:
  // Looks at the disk before the database in `dir` is opened with `env()`, and makes the ballast
  // where there is room for it. RESOURCE_EXHAUSTED `STORE_FULL`, naming what is needed: a new store
  // would refuse everything at once; what an old one has in its log cannot be brought into tables,
  // as opening it does. `files` is what `env()` is made of.
  static absl::StatusOr<std::unique_ptr<DiskProtection>> Create(
      const DataDir& dir, const RocksDbStoreOptions& options,
      const std::shared_ptr<rocksdb::FileSystem>& files);

  DiskGuard& guard() { return guard_; }
  const DiskGuard& guard() const { return guard_; }
  rocksdb::Env& env() { return *env_; }

 private:
  DiskProtection(const DataDir& dir, const RocksDbStoreOptions& options,
                 const std::shared_ptr<rocksdb::FileSystem>& files);

  absl::Status CheckNewStore(const DataDir& dir, const RocksDbStoreOptions& options) const;
  absl::Status CheckOldStore(const DataDir& dir) const;

  const DiskGuard::FreeBytesFunction free_bytes_;
  Ballast ballast_;
  DiskGuard guard_;
  const std::unique_ptr<rocksdb::Env> env_;
};

}  // namespace claviger

#endif  // CLAVIGER_STORAGE_ROCKSDB_DISK_PROTECTION_H_
