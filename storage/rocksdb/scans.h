// Reads of many rows, each over one state. All block on I/O, and leave the cache to the checks.
#ifndef CLAVIGER_STORAGE_ROCKSDB_SCANS_H_
#define CLAVIGER_STORAGE_ROCKSDB_SCANS_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "storage/key_store.h"
#include "storage/rocksdb/database.h"

namespace claviger {

// As in KeyStore.
absl::Status ScanKeyRows(const Database& database, const KeyScan& scan, const KeyVisitor& visit);
absl::Status ScanProjectRows(const Database& database, const std::string& after,
                             const ProjectVisitor& visit);

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
