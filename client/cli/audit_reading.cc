#include "client/cli/audit_reading.h"

#include <string>

#include "client/cli/paging.h"

namespace claviger::cli {

grpc::Status ReadAuditLog(Connection& connection,
                          const std::function<bool(const v1::AuditEvent&)>& visit,
                          v1::ListAuditEventsResponse& head) {
  v1::ListAuditEventsRequest request;
  request.set_oldest_first(true);
  request.set_page_size(kMaxPageSize);
  bool first = true;
  while (true) {
    v1::ListAuditEventsResponse page;
    const grpc::Status status = connection.Call(Retry::kIfUnavailable, [&](auto* call) {
      return connection.audit().ListAuditEvents(call, request, &page);
    });
    if (!status.ok()) return status;
    if (first) {
      head.set_head_revision(page.head_revision());
      head.set_head_hash(page.head_hash());
      first = false;
    }
    for (const v1::AuditEvent& event : page.events()) {
      // What was added meanwhile is behind the end.
      if (head.head_revision() != 0 && event.revision() > head.head_revision()) {
        return grpc::Status::OK;
      }
      if (!visit(event)) return grpc::Status::OK;
    }
    if (page.next_page_token().empty()) return grpc::Status::OK;
    request.set_page_token(page.next_page_token());
  }
}

}  // namespace claviger::cli
