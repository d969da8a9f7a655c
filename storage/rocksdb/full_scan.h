// Reads all that a database has, and finds what cannot be right.
#ifndef CLAVIGER_STORAGE_ROCKSDB_FULL_SCAN_H_
#define CLAVIGER_STORAGE_ROCKSDB_FULL_SCAN_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "storage/rocksdb/codec.h"
#include "storage/rocksdb/database.h"

namespace claviger {

// What a whole database has.
struct FullScanReport {
  PersistedState state;
  uint64_t projects = 0;
  uint64_t events = 0;
  uint64_t requests = 0;
  uint64_t usage_rows = 0;
};

// Reads each row of each family with its checksum. OK when every record decodes; each key has a
// project, its rows in all indexes and no others are there; the state counts what there is; events
// are dense up to the last revision; and the audit log is the chain that ends there. DATA_LOSS
// `DATA_CORRUPT` names what is wrong. Takes memory that does not grow with the database; blocks on
// I/O.
//
// REQUIRES: nothing is written meanwhile.
absl::StatusOr<FullScanReport> ScanEverything(const Database& database);

}  // namespace claviger

#endif  // CLAVIGER_STORAGE_ROCKSDB_FULL_SCAN_H_
