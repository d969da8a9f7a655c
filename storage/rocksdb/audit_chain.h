// The hash chain over the audit log: each entry has the hash of the one before, and `meta` has that
// of the last, so that no entry can be changed, moved or cut out unnoticed.
//
//   hash(entry) = SHA-256("claviger.audit.v1" NUL value)     value: the row's bytes as stored
#ifndef CLAVIGER_STORAGE_ROCKSDB_AUDIT_CHAIN_H_
#define CLAVIGER_STORAGE_ROCKSDB_AUDIT_CHAIN_H_

#include <string_view>

#include "absl/status/statusor.h"
#include "core/digest.h"
#include "core/revision.h"
#include "storage/rocksdb/database.h"

namespace claviger {

Sha256Bytes HashAuditValue(std::string_view value);

// End of a chain that was found whole.
struct AuditHead {
  Revision revision;   // of the last entry; 0: there is none
  Sha256Bytes hash{};  // zeros: there is none

  friend bool operator==(const AuditHead&, const AuditHead&) = default;
};

// Reads the whole log over one state. DATA_LOSS `DATA_CORRUPT` names the first revision at which it
// is not what was written. Blocks on I/O.
absl::StatusOr<AuditHead> VerifyAuditChain(const Database& database);

}  // namespace claviger

#endif  // CLAVIGER_STORAGE_ROCKSDB_AUDIT_CHAIN_H_
