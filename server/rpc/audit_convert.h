// The audit log between protobuf and what the server works with.
#ifndef CLAVIGER_SERVER_RPC_AUDIT_CONVERT_H_
#define CLAVIGER_SERVER_RPC_AUDIT_CONVERT_H_

#include <optional>

#include "absl/status/statusor.h"
#include "claviger/v1/audit.pb.h"
#include "core/audit_entry.h"
#include "core/digest.h"
#include "server/manage/audit_list.h"

namespace claviger {

// INVALID_ARGUMENT names each field that is wrong.
absl::StatusOr<AuditListParams> ToAuditListParams(const v1::ListAuditEventsRequest& request);
// The filter of `request`, whose other fields are right too.
absl::StatusOr<AuditFilter> ToAuditFilter(const v1::WatchAuditEventsRequest& request);

// The entry that FillAuditEvent made `event` of, and the hash that it says; nullopt where its
// hashes are none. Whether they are those of the entry nobody has looked at.
struct HashedAuditEntry {
  AuditEntry entry;
  Sha256Bytes hash;
};
std::optional<HashedAuditEntry> FromAuditEvent(const v1::AuditEvent& event);

void FillAuditEvent(const AuditEntry& entry, bool with_hashes, v1::AuditEvent& out);

}  // namespace claviger

#endif  // CLAVIGER_SERVER_RPC_AUDIT_CONVERT_H_
