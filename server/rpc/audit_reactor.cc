#include "server/rpc/audit_reactor.h"

#include <utility>

#include "claviger/v1/audit.pb.h"
#include "server/rpc/audit_convert.h"
#include "server/rpc/unary_call.h"
#include "server/rpc/wire.h"

namespace claviger {

AuditReactor::AuditReactor(const RpcMethod& method, AuditWatch& watch,
                           const grpc::CallbackServerContext& context)
    : method_(method),
      watch_(watch),
      context_(context),
      id_(watch.NewId()),
      started_(method.clock().SinceBoot()) {}

void AuditReactor::Start(const grpc::ByteBuffer& in) {
  self_ = shared_from_this();
  method_.CountStart();
  if (absl::Status s = Begin(in); !s.ok()) Close(std::move(s));
}

absl::Status AuditReactor::Begin(const grpc::ByteBuffer& in) {
  v1::WatchAuditEventsRequest request;
  absl::Status admitted = Admit(method_, context_, in, PeerUse::kRecorded, caller_, request);
  if (!admitted.ok()) return admitted;
  absl::StatusOr<AuditFilter> filter = ToAuditFilter(request);
  if (!filter.ok()) return filter.status();
  AuditSelection selection(*std::move(filter), *caller_);
  shows_hashes_ = selection.shows_hashes();
  return watch_.Add(id_, shared_from_this(),
                    {.selection = std::move(selection),
                     .after = Revision{request.after_revision()},
                     .from_now = request.from_now(),
                     .actor = caller_->actor(),
                     .still_allowed = [this] { return method_.Recheck(*caller_); }});
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
  const grpc::ByteBuffer* first = nullptr;
  {
    absl::MutexLock lock(&mutex_);
    if (ending_.has_value()) return;
    const bool idle = outbox_.empty();
    outbox_.splice(outbox_.end(), messages);
    if (idle && !outbox_.empty()) first = &outbox_.front();
  }
  if (first != nullptr) StartWrite(first);
}

void AuditReactor::OnWriteDone(bool ok) {
  const grpc::ByteBuffer* next = nullptr;
  bool sent_all = false;
  {
    absl::MutexLock lock(&mutex_);
    outbox_.pop_front();
    // Whoever is told to go need not be told more; what is left it gets when it comes back.
    if (!ok || ending_.has_value()) outbox_.clear();
    if (!outbox_.empty()) next = &outbox_.front();
    sent_all = next == nullptr && !ending_.has_value();
  }
  if (next != nullptr) StartWrite(next);
  if (sent_all && ok) watch_.OnSent(id_);
  FinishIfDue();
}

void AuditReactor::Close(absl::Status status) {
  {
    absl::MutexLock lock(&mutex_);
    if (ending_.has_value()) return;
    ending_ = std::move(status);
  }
  FinishIfDue();
}

void AuditReactor::FinishIfDue() {
  absl::Status status;
  {
    absl::MutexLock lock(&mutex_);
    if (!ending_.has_value() || !outbox_.empty() || finished_) return;
    finished_ = true;
    status = *ending_;
  }
  Finish(method_.Conclude(status, started_,
                          {.context = context_,
                           .caller = caller_.has_value() ? &*caller_ : nullptr,
                           .ids = [] { return RequestIds(); }}));
}

void AuditReactor::OnCancel() {
  watch_.OnClosed(id_);
  Close(absl::CancelledError("the watcher went away"));
}

void AuditReactor::OnDone() {
  watch_.OnClosed(id_);
  self_.reset();
}

}  // namespace claviger
