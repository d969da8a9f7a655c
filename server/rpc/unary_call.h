// A unary call from bytes to bytes: answered at once, or later from another thread.
//
//   return AnswerNow<v1::GetKeyRequest, v1::GetKeyResponse>(method_, context, in, out,
//       [this](const Caller& caller, const v1::GetKeyRequest& request, v1::GetKeyResponse& answer)
//       -> absl::Status { … });
//
//   return AnswerLater<v1::RevokeKeyRequest, v1::RevokeKeyResponse>(method_, context, in, out,
//       [this](auto call) { keys_.Revoke(call->caller(), …, [call](auto result) { call->Finish(…);
//       }); });
#ifndef CLAVIGER_SERVER_RPC_UNARY_CALL_H_
#define CLAVIGER_SERVER_RPC_UNARY_CALL_H_

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "core/status.h"
#include "google/protobuf/arena.h"
#include "grpcpp/alarm.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "server/rpc/rpc_method.h"
#include "server/rpc/wire.h"

namespace claviger {

// Knows the caller and its permission, then parses and checks for unknown fields.
template <typename Request>
absl::StatusOr<Caller> Admit(const RpcMethod& method, const grpc::CallbackServerContext& context,
                             const grpc::ByteBuffer& in, PeerUse peer, Request& request) {
  absl::StatusOr<Caller> caller = method.Admit(context, peer);
  if (!caller.ok()) return caller;
  if (absl::Status s = ParseRequest(in, method.max_request_bytes(), request); !s.ok()) return s;
  if (absl::Status s = CheckNoUnknownFields(request); !s.ok()) return s;
  return caller;
}

// Memory for one answer after the other, kept in between: an answer's parts are not allocated and
// freed one by one.
//
// Thread safety: none; each thread has its own.
class AnswerMemory {
 public:
  // An empty answer; it lives until the next one is made.
  template <typename Answer>
  Answer& Make() {
    arena_.Reset();
    return *google::protobuf::Arena::CreateMessage<Answer>(&arena_);
  }

 private:
  alignas(8) std::array<char, 4096> first_block_;
  google::protobuf::Arena arena_{first_block_.data(), first_block_.size()};
};

// For handlers that do not wait for anything and change nothing. The thread's next call reuses the
// messages.
template <typename Request, typename Answer, typename Handler>
grpc::ServerUnaryReactor* AnswerNow(const RpcMethod& method, grpc::CallbackServerContext* context,
                                    const grpc::ByteBuffer* in, grpc::ByteBuffer* out,
                                    const Handler& handler) {
  thread_local Request request;
  thread_local AnswerMemory memory;
  const absl::Duration started = method.clock().SinceBoot();
  method.CountStart();
  Answer& answer = memory.Make<Answer>();
  absl::StatusOr<Caller> caller = Admit(method, *context, *in, PeerUse::kNone, request);
  const absl::Status status = caller.ok() ? handler(*caller, request, answer) : caller.status();
  CleanseSecrets(request);
  grpc::Status concluded = method.Conclude(status, started);
  if (concluded.ok()) concluded = SerializeAnswer(answer, *out);
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish(concluded);
  return reactor;
}

// A call that is answered later.
//
// Ownership: shared by gRPC, until it is done with the call, and by whoever will answer.
// Thread safety: all methods may be called from any thread at once. The first Finish counts, later
// ones do nothing.
template <typename Request, typename Answer>
class PendingCall final : public grpc::ServerUnaryReactor,
                          public std::enable_shared_from_this<PendingCall<Request, Answer>> {
 public:
  PendingCall(const RpcMethod& method, grpc::ByteBuffer* out)
      : method_(method), out_(out), started_(method.clock().SinceBoot()) {}

  const Request& request() const { return request_; }
  const Caller& caller() const { return *caller_; }
  // On the clock's SinceBoot scale.
  absl::Duration deadline() const { return deadline_; }

  void Finish(absl::StatusOr<Answer> answer) ABSL_LOCKS_EXCLUDED(mutex_) {
    {
      absl::MutexLock lock(&mutex_);
      if (finished_) {
        if (answer.ok()) CleanseSecrets(*answer);
        return;
      }
      finished_ = true;
      if (alarm_.has_value()) alarm_->Cancel();
    }
    grpc::Status concluded = method_.Conclude(answer.status(), started_);
    if (concluded.ok()) concluded = SerializeAnswer(*answer, *out_);
    if (answer.ok()) CleanseSecrets(*answer);
    ServerUnaryReactor::Finish(concluded);
  }

 private:
  template <typename Rq, typename An, typename Handler>
  friend grpc::ServerUnaryReactor* AnswerLater(const RpcMethod& method,
                                               grpc::CallbackServerContext* context,
                                               const grpc::ByteBuffer* in, grpc::ByteBuffer* out,
                                               const Handler& handler);

  absl::Status Begin(const grpc::CallbackServerContext& context, const grpc::ByteBuffer& in) {
    // Kept until OnDone: gRPC holds a bare pointer.
    self_ = this->shared_from_this();
    const absl::Duration remaining = RemainingTime(context);
    deadline_ = started_ + std::min(remaining, kDefaultDeadline + absl::Hours(24));
    if (remaining == absl::InfiniteDuration()) {
      deadline_ = started_ + kDefaultDeadline;
      FinishAtDefaultDeadline();
    }
    absl::StatusOr<Caller> caller = Admit(method_, context, in, PeerUse::kRecorded, request_);
    if (!caller.ok()) return caller.status();
    caller_ = *std::move(caller);
    return absl::OkStatus();
  }

  // gRPC ends calls whose client gave a deadline by itself; the others are ours to end.
  void FinishAtDefaultDeadline() ABSL_LOCKS_EXCLUDED(mutex_) {
    absl::MutexLock lock(&mutex_);
    alarm_.emplace();
    alarm_->Set(
        gpr_time_add(
            gpr_now(GPR_CLOCK_MONOTONIC),
            gpr_time_from_millis(absl::ToInt64Milliseconds(kDefaultDeadline), GPR_TIMESPAN)),
        // Weak: the alarm keeps its function as long as it lives itself, which is as long as the
        // call.
        [weak = this->weak_from_this()](bool expired) {
          const std::shared_ptr<PendingCall> call = expired ? weak.lock() : nullptr;
          if (call == nullptr) return;
          call->Finish(ErrorBuilder(absl::StatusCode::kDeadlineExceeded, Reason::kDeadlineExceeded)
                           .Build("no answer within 30 s; a change may or may not have happened"));
        });
  }

  void OnDone() override { self_.reset(); }

  const RpcMethod& method_;
  grpc::ByteBuffer* const out_;
  const absl::Duration started_;
  Request request_;
  std::optional<Caller> caller_;
  absl::Duration deadline_;
  std::shared_ptr<PendingCall> self_;

  absl::Mutex mutex_;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<grpc::Alarm> alarm_ ABSL_GUARDED_BY(mutex_);
};

// For handlers that hand the call on: `handler` gets a shared_ptr to it, unless it was refused at
// the door.
template <typename Request, typename Answer, typename Handler>
grpc::ServerUnaryReactor* AnswerLater(const RpcMethod& method, grpc::CallbackServerContext* context,
                                      const grpc::ByteBuffer* in, grpc::ByteBuffer* out,
                                      const Handler& handler) {
  auto call = std::make_shared<PendingCall<Request, Answer>>(method, out);
  grpc::ServerUnaryReactor* reactor = call.get();
  method.CountStart();
  if (absl::Status s = call->Begin(*context, *in); s.ok()) {
    handler(call);
  } else {
    call->Finish(std::move(s));
  }
  return reactor;
}

}  // namespace claviger

#endif  // CLAVIGER_SERVER_RPC_UNARY_CALL_H_
