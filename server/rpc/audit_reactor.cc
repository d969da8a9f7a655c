#include "server/rpc/audit_reactor.h"

#include <utility>

#include "claviger/v1/audit.pb.h"
#include "server/rpc/audit_convert.h"
#include "server/rpc/unary_call.h"
#include "server/rpc/wire.h"

namespace claviger {

AuditReactor::AuditReactor(const RpcMethod& method, AuditWatch& watch,
                           const grpc::CallbackServerContext& context)
    : WriteReactor(method, context), watch_(watch), id_(watch.NewId()) {}

absl::Status AuditReactor::Begin(const grpc::ByteBuffer& in) {
  v1::WatchAuditEventsRequest request;
  absl::Status admitted = Admit(method(), context(), in, PeerUse::kRecorded, caller(), request);
  if (!admitted.ok()) return admitted;
  absl::StatusOr<AuditFilter> filter = ToAuditFilter(request);
  if (!filter.ok()) return filter.status();
  AuditSelection selection(*std::move(filter), *caller());
  shows_hashes_ = selection.shows_hashes();
  return watch_.Add(id_, std::static_pointer_cast<AuditReactor>(shared_from_this()),
                    {.selection = std::move(selection),
                     .after = Revision{request.after_revision()},
                     .from_now = request.from_now(),
                     .actor = caller()->actor(),
                     .still_allowed = [this] { return method().Recheck(*caller()); }});
}

void AuditReactor::Send(std::vector<AuditNews> news) {
  std::list<grpc::ByteBuffer> messages;
  for (const AuditNews& one : news) {
    v1::WatchAuditEventsResponse message;
    if (one.entry.has_value()) {
      FillAuditEvent(*one.entry, shows_hashes_, *message.mutable_event());
    }
    message.set_position(one.position.value);
    // Fails for messages of 2 GiB only.
    static_cast<void>(SerializeAnswer(message, messages.emplace_back()));
  }
  Write(std::move(messages));
}

}  // namespace claviger
