#include "server/rpc/write_reactor.h"

#include <utility>

namespace claviger {

void WriteReactor::Start(const grpc::ByteBuffer& in) {
  self_ = shared_from_this();
  method_.CountStart();
  if (absl::Status s = Begin(in); !s.ok()) End(std::move(s));
}

void WriteReactor::Write(std::list<grpc::ByteBuffer> messages) {
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

void WriteReactor::OnWriteDone(bool ok) {
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
  if (!ok) {
    OnGone();
  } else if (sent_all) {
    OnAllSent();
  }
  FinishIfDue();
}

void WriteReactor::End(absl::Status status) {
  {
    absl::MutexLock lock(&mutex_);
    if (ending_.has_value()) return;
    ending_ = std::move(status);
  }
  FinishIfDue();
}

void WriteReactor::CancelCall() {
  {
    absl::MutexLock lock(&mutex_);
    if (finished_) return;
    cancelling_ = true;  // keeps the context
  }
  context_.TryCancel();
  {
    absl::MutexLock lock(&mutex_);
    cancelling_ = false;
  }
  FinishIfDue();
}

void WriteReactor::FinishIfDue() {
  absl::Status status;
  {
    absl::MutexLock lock(&mutex_);
    if (!ending_.has_value() || !outbox_.empty() || cancelling_ || finished_) return;
    finished_ = true;
    status = *ending_;
  }
  Finish(method_.Conclude(status, started_,
                          {.context = context_,
                           .caller = caller_.has_value() ? &*caller_ : nullptr,
                           .ids = [] { return RequestIds(); }}));
}

void WriteReactor::OnCancel() {
  OnGone();
  End(absl::CancelledError("the caller went away"));
}

void WriteReactor::OnDone() {
  OnGone();
  self_.reset();
}

}  // namespace claviger
