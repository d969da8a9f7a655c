// Reads what `claviger audit export` wrote. docs/storage-format.md has the form.
#ifndef CLAVIGER_SERVER_RPC_AUDIT_EXPORT_FILE_H_
#define CLAVIGER_SERVER_RPC_AUDIT_EXPORT_FILE_H_

#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "core/audit_entry.h"

namespace claviger {

// An entry with its hash. An error ends the reading.
using AuditEntryVisitor = std::function<absl::Status(const AuditEntry&, const Sha256Bytes& hash)>;

// Reads the export in `file` to its end, and calls `visit` with each entry, from the first of the
// log on. Only when it returns OK, with the end of the log, were they what was written, whole and
// in order. FAILED_PRECONDITION `CONFIG_INVALID` names the file and what is wrong: it cannot be
// read, is no export, one of a caller who does not see the whole log, edited or cut off. Takes
// memory for a line; blocks on I/O.
absl::StatusOr<AuditHead> ReadAuditExport(const std::string& file, const AuditEntryVisitor& visit);

}  // namespace claviger

#endif  // CLAVIGER_SERVER_RPC_AUDIT_EXPORT_FILE_H_
