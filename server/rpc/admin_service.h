// claviger.v1.Admin.
#ifndef CLAVIGER_SERVER_RPC_ADMIN_SERVICE_H_
#define CLAVIGER_SERVER_RPC_ADMIN_SERVICE_H_

#include "claviger/v1/admin.grpc.pb.h"
#include "server/manage/backup_runner.h"
#include "server/rpc/rpc_method.h"

namespace claviger {

// The service with its method taking and giving raw bytes.
using RawAdmin = v1::Admin::WithRawCallbackMethod_Backup<v1::Admin::Service>;

// Thread safety: called by gRPC from any thread at once.
class AdminService final : public RawAdmin {
 public:
  // All arguments outlive the server that the service is registered with.
  AdminService(const RpcEnvironment& environment, BackupRunner& backups);

  using Context = grpc::CallbackServerContext;
  using Bytes = grpc::ByteBuffer;

  grpc::ServerWriteReactor<Bytes>* Backup(Context* context, const Bytes* in) override;

 private:
  BackupRunner& backups_;
  const RpcMethod backup_;
};

}  // namespace claviger

#endif  // CLAVIGER_SERVER_RPC_ADMIN_SERVICE_H_
