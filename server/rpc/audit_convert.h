// The audit log between protobuf and what the server works with.
#ifndef CLAVIGER_SERVER_RPC_AUDIT_CONVERT_H_
#define CLAVIGER_SERVER_RPC_AUDIT_CONVERT_H_

#include "absl/status/statusor.h"
#include "claviger/v1/audit.pb.h"
#include "core/audit_entry.h"
#include "server/manage/audit_list.h"

namespace claviger {

// INVALID_ARGUMENT names each field that is wrong.
absl::StatusOr<AuditListParams> ToAuditListParams(const v1::ListAuditEventsRequest& request);
// The filter of `request`, whose other fields are right too.
absl::StatusOr<AuditFilter> ToAuditFilter(const v1::WatchAuditEventsRequest& request);

void FillAuditEvent(const AuditEntry& entry, bool with_hashes, v1::AuditEvent& out);

}  // namespace claviger

#endif  // CLAVIGER_SERVER_RPC_AUDIT_CONVERT_H_
