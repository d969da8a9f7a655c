// One Admin.Backup stream.
#ifndef CLAVIGER_SERVER_RPC_BACKUP_REACTOR_H_
#define CLAVIGER_SERVER_RPC_BACKUP_REACTOR_H_

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "claviger/v1/admin.pb.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/byte_buffer.h"
#include "server/manage/backup_runner.h"
#include "server/rpc/write_reactor.h"

namespace claviger {

// Carries what BackupRunner sends to gRPC.
//
// Thread safety: all methods may be called from any thread at once.
class BackupReactor final : public WriteReactor, public BackupReceiver {
 public:
  // `method` and `runner` outlive the reactor; gRPC keeps `context` until it is done with the call.
  BackupReactor(const RpcMethod& method, BackupRunner& runner,
                const grpc::CallbackServerContext& context);

  void SendHeader(const BackupHeader& header) override;
  void SendBytes(std::string bytes) override;
  void Close(absl::Status status) override { End(std::move(status)); }
  void CutOff() override { CancelCall(); }

 private:
  absl::Status Begin(const grpc::ByteBuffer& in) override;
  void OnAllSent() override { runner_.OnSent(id_); }
  void OnGone() override { runner_.OnClosed(id_); }

  void Send(const v1::BackupResponse& message);

  BackupRunner& runner_;
  const BackupId id_;
};

}  // namespace claviger

#endif  // CLAVIGER_SERVER_RPC_BACKUP_REACTOR_H_
