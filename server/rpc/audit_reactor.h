// One AuditLog.WatchAuditEvents stream.
#ifndef CLAVIGER_SERVER_RPC_AUDIT_REACTOR_H_
#define CLAVIGER_SERVER_RPC_AUDIT_REACTOR_H_

#include <list>
#include <memory>
#include <optional>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "server/manage/audit_watch.h"
#include "server/manage/caller.h"
#include "server/rpc/rpc_method.h"

namespace claviger {

// Carries what AuditWatch sends to gRPC, one write at a time.
//
// Ownership: by gRPC until OnDone, and by the watch until the stream is closed.
// Thread safety: all methods may be called from any thread at once. No lock is held while gRPC or
// the watch is called.
class AuditReactor final : public grpc::ServerWriteReactor<grpc::ByteBuffer>,
                           public AuditStream,
                           public std::enable_shared_from_this<AuditReactor> {
 public:
  // `method` and `watch` outlive the reactor; gRPC keeps `context` until it is done with the call.
  AuditReactor(const RpcMethod& method, AuditWatch& watch,
               const grpc::CallbackServerContext& context);

  // Takes the call on, or ends it with what is wrong with caller or request. To be called once,
  // first.
  void Start(const grpc::ByteBuffer& in);

  void Send(std::vector<AuditNews> news) override;
  void Close(absl::Status status) override;

 private:
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

  absl::Status Begin(const grpc::ByteBuffer& in);
  // Ends the stream if that was asked for and nothing is being written.
  void FinishIfDue();

  const RpcMethod& method_;
  AuditWatch& watch_;
  const grpc::CallbackServerContext& context_;
  const AuditWatchId id_;
  const absl::Duration started_;
  std::shared_ptr<AuditReactor> self_;

  // Constant after Start.
  std::optional<Caller> caller_;
  bool shows_hashes_ = false;

  absl::Mutex mutex_;
  std::list<grpc::ByteBuffer> outbox_ ABSL_GUARDED_BY(mutex_);  // the first is being written
  std::optional<absl::Status> ending_ ABSL_GUARDED_BY(mutex_);
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace claviger

#endif  // CLAVIGER_SERVER_RPC_AUDIT_REACTOR_H_
