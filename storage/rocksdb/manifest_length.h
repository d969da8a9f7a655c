// How long the manifest was when the store was last started: a manifest that is shorter has lost
// tables of some families and not of others.
//
//   <db>/claviger-manifest = "claviger-manifest 1" LF
//                            name of the manifest " " bytes, decimal LF
//                            "crc32 " 8 lower-case hexadecimal digits LF   of all bytes before
#ifndef CLAVIGER_STORAGE_ROCKSDB_MANIFEST_LENGTH_H_
#define CLAVIGER_STORAGE_ROCKSDB_MANIFEST_LENGTH_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "rocksdb/db.h"
#include "rocksdb/file_system.h"

namespace claviger {

// DATA_LOSS `DATA_CORRUPT`: the manifest in `db_path` is shorter than it was noted to be. OK where
// nothing readable is noted of it. UNAVAILABLE `STORE_UNAVAILABLE`: an I/O error, with the path.
//
// Why: what a start makes of the logs is one edit of the manifest for each family, and RocksDB
// takes a manifest that ends between two of them for whole. The logs are gone by then.
absl::Status CheckManifestLength(rocksdb::FileSystem& files, const std::string& db_path);

// Notes how long the manifest of the open database is. Durable when it returns OK.
absl::Status NoteManifestLength(rocksdb::FileSystem& files, const std::string& db_path,
                                rocksdb::DB& db);

}  // namespace claviger

#endif  // CLAVIGER_STORAGE_ROCKSDB_MANIFEST_LENGTH_H_
