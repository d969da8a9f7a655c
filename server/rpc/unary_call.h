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
// `caller` is set as soon as it is known, permitted or not.
template <typename Request>
absl::Status Admit(const RpcMethod& method, const grpc::CallbackServerContext& context,
                   const grpc::ByteBuffer& in, PeerUse peer, std::optional<Caller>& caller,
                   Request& request) {
  absl::StatusOr<Caller> known = method.Authenticate(context, peer);
  if (!known.ok()) return known.status();
  caller.emplace(*std::move(known));
  if (absl::Status s = method.Require(*caller); !s.ok()) return s;
  if (absl::Status s = ParseRequest(in, method.max_request_bytes(), request); !s.ok()) return s;
  return CheckNoUnknownFields(request);
}

// Counts the answer and turns it into gRPC's; a refused call is recorded.
template <typename Request>
grpc::Status ConcludeCall(const RpcMethod& method, const absl::Status& status,
                          absl::Duration started, const grpc::CallbackServerContext& context,
                          const std::optional<Caller>& caller, const grpc::ByteBuffer& in) {
  return method.Conclude(status, started,
                         {.context = context,
                          .caller = caller.has_value() ? &*caller : nullptr,
                          .ids = [&] { return ReadIds<Request>(in, method.max_request_bytes()); }});
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
  std::optional<Caller> caller;
  absl::Status status = Admit(method, *context, *in, PeerUse::kNone, caller, request);
  if (status.ok()) status = handler(*caller, request, answer);
  CleanseSecrets(request);
  grpc::Status concluded = ConcludeCall<Request>(method, status, started, *context, caller, *in);
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
  // gRPC keeps `context`, `in` and `out` until it is done with the call.
  PendingCall(const RpcMethod& method, const grpc::CallbackServerContext& context,
              const grpc::ByteBuffer& in, grpc::ByteBuffer* out)
      : method_(method),
        context_(context),
        in_(in),
        out_(out),
        started_(method.clock().SinceBoot()) {}

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
    grpc::Status concluded =
        ConcludeCall<Request>(method_, answer.status(), started_, context_, caller_, in_);
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

  absl::Status Begin() {
    // Kept until OnDone: gRPC holds a bare pointer.
    self_ = this->shared_from_this();
    const absl::Duration remaining = RemainingTime(context_);
    deadline_ = started_ + std::min(remaining, kDefaultDeadline + absl::Hours(24));
    if (remaining == absl::InfiniteDuration()) {
      deadline_ = started_ + kDefaultDeadline;
      FinishAtDefaultDeadline();
    }
    return claviger::Admit(method_, context_, in_, PeerUse::kRecorded, caller_, request_);
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
  const grpc::CallbackServerContext& context_;
  const grpc::ByteBuffer& in_;
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
  auto call = std::make_shared<PendingCall<Request, Answer>>(method, *context, *in, out);
  grpc::ServerUnaryReactor* reactor = call.get();
  method.CountStart();
  if (absl::Status s = call->Begin(); s.ok()) {
    handler(call);
  } else {
    call->Finish(std::move(s));
  }
  return reactor;
}

}  // namespace claviger

#endif  // CLAVIGER_SERVER_RPC_UNARY_CALL_H_
