// Reads of keys by expire time. They block on I/O, and leave the cache to the checks.
#ifndef CLAVIGER_STORAGE_ROCKSDB_EXPIRY_SCANS_H_
#define CLAVIGER_STORAGE_ROCKSDB_EXPIRY_SCANS_H_

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "storage/key_store.h"
#include "storage/rocksdb/database.h"

namespace claviger {

// As in KeyStore.
absl::Status ScanExpiryRows(const Database& database, const ExpiryScan& scan,
                            const KeyVisitor& visit);
absl::StatusOr<std::vector<uint64_t>> CountExpiryRows(const Database& database, absl::Time from,
                                                      std::span<const absl::Time> until);

}  // namespace claviger

#endif  // CLAVIGER_STORAGE_ROCKSDB_EXPIRY_SCANS_H_
