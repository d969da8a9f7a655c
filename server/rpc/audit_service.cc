#include "server/rpc/audit_service.h"

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "server/manage/audit_list.h"
#include "server/manage/permissions.h"
#include "server/rpc/audit_convert.h"
#include "server/rpc/audit_reactor.h"
#include "server/rpc/unary_call.h"

namespace claviger {
namespace {

constexpr std::string_view kService = "claviger.v1.AuditLog";

v1::ListAuditEventsResponse ToAnswer(const AuditPage& page) {
  v1::ListAuditEventsResponse answer;
  for (const AuditEntry& entry : page.entries) {
    FillAuditEvent(entry, page.shows_hashes, *answer.add_events());
  }
  answer.set_next_page_token(page.next_page_token);
  if (page.head.has_value()) {
    answer.set_head_revision(page.head->revision.value);
    answer.set_head_hash(std::string(AsBytes(page.head->hash)));
  }
  return answer;
}

}  // namespace

AuditService::AuditService(const RpcEnvironment& environment, const KeyStore& store,
                           WorkerPool& workers, AuditWatch& watch)
    : store_(store),
      workers_(workers),
      watch_(watch),
      list_audit_events_(environment, kService, "ListAuditEvents",
                         {.permission = permission::kAuditRead}),
      watch_audit_events_(
          environment, kService, "WatchAuditEvents",
          {.permission = permission::kAuditRead, .type = MethodType::kServerStream}) {}

grpc::ServerUnaryReactor* AuditService::ListAuditEvents(Context* context, const Bytes* in,
                                                        Bytes* out) {
  return AnswerLater<v1::ListAuditEventsRequest, v1::ListAuditEventsResponse>(
      list_audit_events_, context, in, out, [this](auto call) {
        absl::StatusOr<AuditListParams> params = ToAuditListParams(call->request());
        if (!params.ok()) return call->Finish(params.status());
        absl::Status queued = workers_.Run([this, call, params = *std::move(params)] {
          const absl::StatusOr<AuditPage> page = ListAudit(store_, call->caller(), params);
          if (!page.ok()) return call->Finish(page.status());
          call->Finish(ToAnswer(*page));
        });
        if (!queued.ok()) call->Finish(std::move(queued));
      });
}

grpc::ServerWriteReactor<grpc::ByteBuffer>* AuditService::WatchAuditEvents(Context* context,
                                                                           const Bytes* in) {
  auto reactor = std::make_shared<AuditReactor>(watch_audit_events_, watch_, *context);
  AuditReactor* raw = reactor.get();
  raw->Start(*in);
  return raw;
}

}  // namespace claviger
