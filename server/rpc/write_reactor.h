// What the server's streams to a caller share: they begin like any call, write one message at a
// time, and end when nothing is being written.
#ifndef CLAVIGER_SERVER_RPC_WRITE_REACTOR_H_
#define CLAVIGER_SERVER_RPC_WRITE_REACTOR_H_

#include <list>
#include <memory>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "server/manage/caller.h"
#include "server/rpc/rpc_method.h"

namespace claviger {

// Ownership: by gRPC until OnDone, and by whoever sends until the stream is closed.
// Thread safety: all methods may be called from any thread at once. No lock is held while gRPC or
// what is derived from this is called.
class WriteReactor : public grpc::ServerWriteReactor<grpc::ByteBuffer>,
                     public std::enable_shared_from_this<WriteReactor> {
 public:
  // Takes the call on, or ends it with what is wrong with caller or request. To be called once,
  // first.
  void Start(const grpc::ByteBuffer& in);

 protected:
  // `method` outlives the reactor; gRPC keeps `context` until it is done with the call.
  WriteReactor(const RpcMethod& method, const grpc::CallbackServerContext& context)
      : method_(method), context_(context), started_(method.clock().SinceBoot()) {}

  // Admits the caller, and hands the stream to whoever sends.
  virtual absl::Status Begin(const grpc::ByteBuffer& in) = 0;
  // Everything that was to be written is on its way, and the stream goes on.
  virtual void OnAllSent() = 0;
  // Nothing more reaches the caller. May be called several times.
  virtual void OnGone() = 0;

  // Writes these behind what is being written; nothing once the stream is to end.
  void Write(std::list<grpc::ByteBuffer> messages);
  // Ends the stream behind the message that is being written.
  void End(absl::Status status);
  // Gives up what is being written. End comes next.
  void CancelCall();

  const RpcMethod& method() const { return method_; }
  const grpc::CallbackServerContext& context() const { return context_; }
  // Constant behind Begin.
  std::optional<Caller>& caller() { return caller_; }

 private:
  void OnWriteDone(bool ok) final;
  void OnCancel() final;
  void OnDone() final;

  // Ends the stream if that was asked for and gRPC is not being called.
  void FinishIfDue();

  const RpcMethod& method_;
  const grpc::CallbackServerContext& context_;
  const absl::Duration started_;
  std::shared_ptr<WriteReactor> self_;
  std::optional<Caller> caller_;

  absl::Mutex mutex_;
  std::list<grpc::ByteBuffer> outbox_ ABSL_GUARDED_BY(mutex_);  // the first is being written
  bool cancelling_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<absl::Status> ending_ ABSL_GUARDED_BY(mutex_);
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace claviger

#endif  // CLAVIGER_SERVER_RPC_WRITE_REACTOR_H_
