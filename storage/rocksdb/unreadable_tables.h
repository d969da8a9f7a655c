// Tables on a disk that no longer gives back what it was given.
#ifndef CLAVIGER_STORAGE_ROCKSDB_UNREADABLE_TABLES_H_
#define CLAVIGER_STORAGE_ROCKSDB_UNREADABLE_TABLES_H_

#include <memory>

#include "rocksdb/file_system.h"

namespace claviger {

// A file system where a read of a table that fails (EIO, as of a sector that is lost) is damage of
// that table: RocksDB would take it for a disk that does not work, and take no write any more when
// a compaction meets it. Everything else is `base`'s.
std::shared_ptr<rocksdb::FileSystem> WithUnreadableAsDamage(
    const std::shared_ptr<rocksdb::FileSystem>& base);

}  // namespace claviger

#endif  // CLAVIGER_STORAGE_ROCKSDB_UNREADABLE_TABLES_H_
