// Ends of logs that a loss of power left with zeros in them.
#ifndef CLAVIGER_STORAGE_ROCKSDB_TORN_ENDS_H_
#define CLAVIGER_STORAGE_ROCKSDB_TORN_ENDS_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "rocksdb/file_system.h"

namespace claviger {

// Where the log or manifest at `path` really ends, when what was written to it last is torn: its
// first bad record has sectors of zeros, and no record begins behind it. nullopt: nothing is torn
// so. Every other damage is left for RocksDB to find. Reads the whole file. UNAVAILABLE
// `STORE_UNAVAILABLE`: an I/O error, with the path.
absl::StatusOr<std::optional<uint64_t>> FindTornEnd(rocksdb::FileSystem& files,
                                                    const std::string& path);

// `files`, in which the logs and manifests that are in `db_path` now end before what is torn.
// Errors as above.
//
// Why: RocksDB takes a record that is too short for one that was never acknowledged, but zeros in
// it for damage. File systems may have a file's new length on the disk before its new bytes, ext4
// with its defaults among them, and then a loss of power leaves zeros in what was not yet synced.
absl::StatusOr<std::shared_ptr<rocksdb::FileSystem>> WithoutTornEnds(
    std::shared_ptr<rocksdb::FileSystem> files, const std::string& db_path);

}  // namespace claviger

#endif  // CLAVIGER_STORAGE_ROCKSDB_TORN_ENDS_H_
