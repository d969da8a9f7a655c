// One Verifier.Sync stream.
#ifndef CLAVIGER_SERVER_RPC_SYNC_REACTOR_H_
#define CLAVIGER_SERVER_RPC_SYNC_REACTOR_H_

#include <functional>
#include <list>
#include <memory>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "claviger/v1/verifier.grpc.pb.h"
#include "grpcpp/support/server_callback.h"
#include "server/manage/caller.h"
#include "server/rpc/rpc_method.h"
#include "server/sync/sync_loop.h"

namespace claviger {

// Carries messages between gRPC and the loop: one read and one write at a time. It reads on only
// while little waits to be written, so that a peer who asks and does not listen costs a bounded
// amount (I13).
//
// Ownership: by gRPC until OnDone, and by the loop until the stream is closed.
// Thread safety: all methods may be called from any thread at once. No lock is held while gRPC is
// called.
class SyncReactor final : public grpc::ServerBidiReactor<v1::SyncRequest, v1::SyncResponse>,
                          public sync::SyncStream,
                          public std::enable_shared_from_this<SyncReactor> {
 public:
  // Is given the usage that a beat reports; an error ends the stream. Must not block.
  using UsageSink = std::function<absl::Status(
      const Caller& caller, google::protobuf::RepeatedPtrField<v1::KeyUsage> usage)>;

  // `method` and `loop` outlive the reactor. `still_allowed` is asked again and again whether the
  // caller may verify.
  SyncReactor(const RpcMethod& method, sync::SyncLoop& loop, UsageSink usage_sink);

  // Begins to read, or ends the stream with the error of `caller`.
  void Start(absl::StatusOr<Caller> caller, std::function<absl::Status()> still_allowed);

  void Send(const sync::FromAuthority& message) override;
  void Close(absl::Status status) override;

 private:
  static constexpr size_t kMaxWaitingToRead = 16;

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

  absl::Status Handle();
  absl::Status HandleHello(const v1::SyncHello& hello);
  void ReadNext();
  // Ends the stream if that was asked for and nothing is being written.
  void FinishIfDue();

  const RpcMethod& method_;
  sync::SyncLoop& loop_;
  const UsageSink usage_sink_;
  const sync::ConnectionId connection_;
  const absl::Duration started_;
  std::shared_ptr<SyncReactor> self_;

  // Of the reading side, which is one callback at a time.
  v1::SyncRequest request_;
  std::optional<Caller> caller_;
  std::function<absl::Status()> still_allowed_;  // until Hello
  bool said_hello_ = false;

  absl::Mutex mutex_;
  // A list: unlike a deque an empty one has allocated nothing, and most are empty.
  std::list<v1::SyncResponse> outbox_ ABSL_GUARDED_BY(mutex_);
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool reading_paused_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<absl::Status> ending_ ABSL_GUARDED_BY(mutex_);
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace claviger

#endif  // CLAVIGER_SERVER_RPC_SYNC_REACTOR_H_
