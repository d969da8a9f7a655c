// The whole audit log, page by page from a server.
#ifndef CLAVIGER_CLIENT_CLI_AUDIT_READING_H_
#define CLAVIGER_CLIENT_CLI_AUDIT_READING_H_

#include <claviger/v1/audit.pb.h>
#include <grpcpp/support/status.h>

#include <functional>

#include "client/cli/connection.h"

namespace claviger::cli {

// Calls `visit` with each entry, oldest first, up to the end that the log had at the beginning;
// false ends the reading. `head` gets that end: of revision 0 for a caller that is bound to
// projects, who gets the entries about those and no end.
grpc::Status ReadAuditLog(Connection& connection,
                          const std::function<bool(const v1::AuditEvent&)>& visit,
                          v1::ListAuditEventsResponse& head);

}  // namespace claviger::cli

#endif  // CLAVIGER_CLIENT_CLI_AUDIT_READING_H_
