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
absl::Status ScanDeletedKeyRows(const Database& database, absl::Time until,
                                const KeyVisitor& visit);

// As KeyStore::ReadEvents; `applied` was read before the call.
absl::StatusOr<std::vector<Event>> ReadEventRows(const Database& database, Revision after,
                                                 size_t limit, Revision applied);

// Keys by state at `now`.
absl::StatusOr<std::map<KeyState, uint64_t>> CountKeys(const Database& database, absl::Time now);

}  // namespace claviger

#endif  // CLAVIGER_STORAGE_ROCKSDB_SCANS_H_
