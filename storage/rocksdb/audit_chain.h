// The audit log on disk: reading it, and checking that it is what was written. The chain of hashes:
// core/audit_entry.h.
#ifndef CLAVIGER_STORAGE_ROCKSDB_AUDIT_CHAIN_H_
#define CLAVIGER_STORAGE_ROCKSDB_AUDIT_CHAIN_H_

#include <cstddef>
#include <vector>

#include "absl/status/statusor.h"
#include "core/audit_entry.h"
#include "core/revision.h"
#include "storage/rocksdb/database.h"

namespace claviger {

// As in KeyStore.
absl::StatusOr<std::vector<AuditEntry>> ReadAuditRows(const Database& database, Revision after,
                                                      size_t limit);
absl::StatusOr<std::vector<AuditEntry>> ReadAuditRowsBackwards(const Database& database,
                                                               Revision before, size_t limit);
absl::StatusOr<AuditHead> FindAuditHead(const Database& database);

// Reads the whole log over one state. DATA_LOSS `DATA_CORRUPT` names the first revision at which it
// is not what was written. Blocks on I/O.
absl::StatusOr<AuditHead> VerifyAuditChain(const Database& database);

}  // namespace claviger

#endif  // CLAVIGER_STORAGE_ROCKSDB_AUDIT_CHAIN_H_
