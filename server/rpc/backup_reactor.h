// One Admin.Backup stream.
#ifndef CLAVIGER_SERVER_RPC_BACKUP_REACTOR_H_
#define CLAVIGER_SERVER_RPC_BACKUP_REACTOR_H_

#include <memory>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "claviger/v1/admin.pb.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "server/manage/backup_runner.h"
#include "server/manage/caller.h"
#include "server/rpc/rpc_method.h"

namespace claviger {

// Carries what BackupRunner sends to gRPC.
//
// Ownership: by gRPC until OnDone, and by the runner until the stream is closed.
// Thread safety: all methods may be called from any thread at once. No lock is held while gRPC or
// the runner is called.
class BackupReactor final : public grpc::ServerWriteReactor<grpc::ByteBuffer>,
                            public BackupReceiver,
                            public std::enable_shared_from_this<BackupReactor> {
 public:
  // `method` and `runner` outlive the reactor; gRPC keeps `context` until it is done with the call.
  BackupReactor(const RpcMethod& method, BackupRunner& runner,
                const grpc::CallbackServerContext& context);

  // Takes the call on, or ends it with what is wrong with caller or request. To be called once,
  // first.
  void Start(const grpc::ByteBuffer& in);

  void SendHeader(const BackupHeader& header) override;
  void SendBytes(std::string bytes) override;
  void Close(absl::Status status) override;
  void CutOff() override;

 private:
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

  absl::Status Begin(const grpc::ByteBuffer& in);
  void Send(const v1::BackupResponse& message);
  // Ends the stream if that was asked for and gRPC is not being called.
  void FinishIfDue();

  const RpcMethod& method_;
  BackupRunner& runner_;
  const grpc::CallbackServerContext& context_;
  const BackupId id_;
  const absl::Duration started_;
  std::shared_ptr<BackupReactor> self_;

  // Constant after Start.
  std::optional<Caller> caller_;

  grpc::ByteBuffer message_;  // what is being written
  absl::Mutex mutex_;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool cutting_off_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<absl::Status> ending_ ABSL_GUARDED_BY(mutex_);
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace claviger

#endif  // CLAVIGER_SERVER_RPC_BACKUP_REACTOR_H_
