#include "server/rpc/backup_reactor.h"

#include <utility>

#include "server/rpc/answers.h"
#include "server/rpc/unary_call.h"
#include "server/rpc/wire.h"

namespace claviger {

BackupReactor::BackupReactor(const RpcMethod& method, BackupRunner& runner,
                             const grpc::CallbackServerContext& context)
    : method_(method),
      runner_(runner),
      context_(context),
      id_(runner.NewId()),
      started_(method.clock().SinceBoot()) {}

void BackupReactor::Start(const grpc::ByteBuffer& in) {
  self_ = shared_from_this();
  method_.CountStart();
  if (absl::Status s = Begin(in); !s.ok()) Close(std::move(s));
}

absl::Status BackupReactor::Begin(const grpc::ByteBuffer& in) {
  v1::BackupRequest request;
  absl::Status admitted = Admit(method_, context_, in, PeerUse::kRecorded, caller_, request);
  if (!admitted.ok()) return admitted;
  return runner_.Begin(id_, shared_from_this(), {.caller = *caller_, .still_allowed = [this] {
                                                   return method_.Recheck(*caller_);
                                                 }});
}

void BackupReactor::SendHeader(const BackupHeader& header) {
  v1::BackupResponse message;
  v1::BackupHeader& out = *message.mutable_header();
  out.set_revision(header.head.revision.value);
  out.set_audit_hash(std::string(AsBytes(header.head.hash)));
  out.set_epoch(header.epoch.ToHex());
  out.set_schema_version(header.schema_version);
  out.set_size_bytes(header.TotalBytes());
  out.set_key_count(header.keys);
  out.mutable_keys_by_pepper()->insert(header.peppers.begin(), header.peppers.end());
  FillTime(header.create_time, *out.mutable_create_time());
  out.set_server_version(header.claviger_version);
  Send(message);
}

void BackupReactor::SendBytes(std::string bytes) {
  v1::BackupResponse message;
  message.set_chunk(std::move(bytes));
  Send(message);
}

void BackupReactor::Send(const v1::BackupResponse& message) {
  {
    absl::MutexLock lock(&mutex_);
    if (ending_.has_value()) return;
    writing_ = true;
  }
  // Fails for messages of 2 GiB only.
  static_cast<void>(SerializeAnswer(message, message_));
  StartWrite(&message_);
}

void BackupReactor::OnWriteDone(bool ok) {
  {
    absl::MutexLock lock(&mutex_);
    writing_ = false;
  }
  if (ok) {
    runner_.OnSent(id_);
  } else {
    runner_.OnClosed(id_);
  }
  FinishIfDue();
}

void BackupReactor::Close(absl::Status status) {
  {
    absl::MutexLock lock(&mutex_);
    if (ending_.has_value()) return;
    ending_ = std::move(status);
  }
  FinishIfDue();
}

void BackupReactor::CutOff() {
  {
    absl::MutexLock lock(&mutex_);
    if (finished_) return;
    cutting_off_ = true;  // keeps the context
  }
  context_.TryCancel();
  {
    absl::MutexLock lock(&mutex_);
    cutting_off_ = false;
  }
  FinishIfDue();
}

void BackupReactor::FinishIfDue() {
  absl::Status status;
  {
    absl::MutexLock lock(&mutex_);
    if (!ending_.has_value() || writing_ || cutting_off_ || finished_) return;
    finished_ = true;
    status = *ending_;
  }
  Finish(method_.Conclude(status, started_,
                          {.context = context_,
                           .caller = caller_.has_value() ? &*caller_ : nullptr,
                           .ids = [] { return RequestIds(); }}));
}

void BackupReactor::OnCancel() {
  runner_.OnClosed(id_);
  Close(absl::CancelledError("the caller went away"));
}

void BackupReactor::OnDone() {
  runner_.OnClosed(id_);
  self_.reset();
}

}  // namespace claviger
