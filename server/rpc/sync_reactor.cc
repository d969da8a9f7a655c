#include "server/rpc/sync_reactor.h"

#include <utility>

#include "core/status.h"
#include "server/rpc/sync_convert.h"
#include "server/rpc/wire.h"

namespace claviger {
namespace {

absl::Status OutOfTurn(std::string message) {
  return ErrorBuilder(absl::StatusCode::kInvalidArgument, Reason::kFieldInvalid)
      .Field("message", message)
      .Build("message: " + message);
}

sync::ProjectFilter FilterOf(const Caller& caller, const std::vector<std::string>& wanted) {
  if (wanted.empty()) {
    return caller.acts_in_all_projects() ? sync::ProjectFilter()
                                         : sync::ProjectFilter::Only(caller.projects());
  }
  std::vector<std::string> allowed;
  for (const std::string& project_id : wanted) {
    if (caller.IsBoundTo(project_id)) allowed.push_back(project_id);
  }
  return sync::ProjectFilter::Only(std::move(allowed));
}

}  // namespace

SyncReactor::SyncReactor(const RpcMethod& method, sync::SyncLoop& loop, UsageSink usage_sink)
    : method_(method),
      loop_(loop),
      usage_sink_(std::move(usage_sink)),
      connection_(loop.NewConnection()),
      started_(method.clock().SinceBoot()) {}

void SyncReactor::Start(absl::StatusOr<Caller> caller,
                        std::function<absl::Status()> still_allowed) {
  self_ = shared_from_this();
  method_.CountStart();
  if (!caller.ok()) {
    Close(caller.status());
    return;
  }
  caller_ = *std::move(caller);
  still_allowed_ = std::move(still_allowed);
  StartRead(&request_);
}

void SyncReactor::OnReadDone(bool ok) {
  if (!ok) {
    loop_.OnClosed(connection_);
    Close(absl::OkStatus());
    return;
  }
  if (absl::Status s = Handle(); !s.ok()) {
    loop_.OnClosed(connection_);
    Close(std::move(s));
    return;
  }
  ReadNext();
}

absl::Status SyncReactor::Handle() {
  if (absl::Status s = CheckNoUnknownFields(request_); !s.ok()) return s;
  switch (request_.message_case()) {
    case v1::SyncRequest::kHello:
      return HandleHello(request_.hello());
    case v1::SyncRequest::kBeat:
      if (!said_hello_) return OutOfTurn("must be hello first");
      // First what somebody may be waiting for.
      loop_.OnBeat(connection_, ToBeat(request_.beat()));
      if (request_.beat().usage().empty()) return absl::OkStatus();
      return usage_sink_(*caller_, std::move(*request_.mutable_beat()->mutable_usage()));
    case v1::SyncRequest::MESSAGE_NOT_SET:
      return OutOfTurn("must be hello or beat");
  }
  return OutOfTurn("must be hello or beat");
}

absl::Status SyncReactor::HandleHello(const v1::SyncHello& hello) {
  if (said_hello_) return OutOfTurn("must be hello only once");
  said_hello_ = true;
  absl::StatusOr<sync::Hello> parsed = ToHello(hello, sync::kMaxStaleOnError);
  if (!parsed.ok()) return parsed.status();
  sync::ProjectFilter filter = FilterOf(*caller_, parsed->project_ids);
  loop_.OnHello(connection_, shared_from_this(),
                {.caller = caller_->actor(),
                 .peer = caller_->peer(),
                 .key_id = caller_->key_id(),
                 .still_allowed = std::exchange(still_allowed_, nullptr)},
                *std::move(parsed), std::move(filter));
  return absl::OkStatus();
}

void SyncReactor::ReadNext() {
  {
    absl::MutexLock lock(&mutex_);
    if (finished_) return;
    reading_paused_ = outbox_.size() >= kMaxWaitingToRead;
    if (reading_paused_) return;
  }
  StartRead(&request_);
}

void SyncReactor::Send(const sync::FromAuthority& message) {
  v1::SyncResponse response = ToProto(message);
  const v1::SyncResponse* next = nullptr;
  {
    absl::MutexLock lock(&mutex_);
    if (ending_.has_value()) return;
    outbox_.push_back(std::move(response));
    if (writing_) return;
    writing_ = true;
    next = &outbox_.front();
  }
  StartWrite(next);
}

void SyncReactor::OnWriteDone(bool ok) {
  const v1::SyncResponse* next = nullptr;
  bool read_on = false;
  {
    absl::MutexLock lock(&mutex_);
    outbox_.pop_front();
    if (!ok) outbox_.clear();
    if (!outbox_.empty()) next = &outbox_.front();
    writing_ = next != nullptr;
    if (reading_paused_ && outbox_.size() < kMaxWaitingToRead && !ending_.has_value()) {
      reading_paused_ = false;
      read_on = true;
    }
  }
  if (next != nullptr) StartWrite(next);
  if (read_on) StartRead(&request_);
  FinishIfDue();
}

void SyncReactor::Close(absl::Status status) {
  {
    absl::MutexLock lock(&mutex_);
    if (ending_.has_value()) return;
    ending_ = std::move(status);
  }
  FinishIfDue();
}

void SyncReactor::FinishIfDue() {
  absl::Status status;
  {
    absl::MutexLock lock(&mutex_);
    if (!ending_.has_value() || writing_ || finished_) return;
    finished_ = true;
    status = *ending_;
  }
  Finish(method_.Conclude(status, started_));
}

void SyncReactor::OnCancel() {
  loop_.OnClosed(connection_);
  Close(absl::CancelledError("the verifier went away"));
}

void SyncReactor::OnDone() { self_.reset(); }

}  // namespace claviger
