// Reads of many rows, each over one state. All block on I/O, and leave the cache to the checks.
#ifndef CLAVIGER_STORAGE_ROCKSDB_SCANS_H_
#define CLAVIGER_STORAGE_ROCKSDB_SCANS_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "storage/key_store.h"
#include "storage/rocksdb/database.h"

namespace claviger {

// As in KeyStore; the keys by expire time are expiry_scans.h's.
absl::Status ScanKeyRows(const Database& database, const KeyScan& scan, const KeyVisitor& visit);
absl::Status ScanProjectRows(const Database& database, const std::string& after,
                             const ProjectVisitor& visit);
absl::Status ScanDeletedKeyRows(const Database& database, const DeletionScan& scan,
                                const KeyVisitor& visit);

// The key that a row of an index names, read with `options`. DATA_LOSS when there is none.
absl::StatusOr<KeyRecord> ReadIndexedKey(const Database& database, std::string_view index_row,
                                         const rocksdb::ReadOptions& options);

// As KeyStore::ReadEvents; `applied` was read before the call.
absl::StatusOr<std::vector<Event>> ReadEventRows(const Database& database, Revision after,
                                                 size_t limit, Revision applied);

// Keys by state at `now`, and by pepper; the size on disk is left out.
absl::StatusOr<StoreStats> CountKeys(const Database& database, absl::Time now);
// Keys by the pepper that they need, counted one by one.
absl::StatusOr<std::map<std::string, uint64_t>> RecountPeppers(const Database& database);
// As KeyStore::RequestsByPepper.
absl::StatusOr<std::map<std::string, uint64_t>> CountRequests(const Database& database,
                                                              absl::Time now);

}  // namespace claviger

#endif  // CLAVIGER_STORAGE_ROCKSDB_SCANS_H_
