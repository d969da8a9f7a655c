// claviger.v1.AuditLog.
#ifndef CLAVIGER_SERVER_RPC_AUDIT_SERVICE_H_
#define CLAVIGER_SERVER_RPC_AUDIT_SERVICE_H_

#include "claviger/v1/audit.grpc.pb.h"
#include "server/manage/audit_watch.h"
#include "server/rpc/rpc_method.h"
#include "server/rpc/worker_pool.h"
#include "storage/key_store.h"

namespace claviger {

// The service with every method taking and giving raw bytes.
using RawAuditLog = v1::AuditLog::WithRawCallbackMethod_ListAuditEvents<
    v1::AuditLog::WithRawCallbackMethod_WatchAuditEvents<v1::AuditLog::Service>>;

// Thread safety: called by gRPC from any thread at once.
class AuditService final : public RawAuditLog {
 public:
  // All arguments outlive the server that the service is registered with.
  AuditService(const RpcEnvironment& environment, const KeyStore& store, WorkerPool& workers,
               AuditWatch& watch);

  using Context = grpc::CallbackServerContext;
  using Bytes = grpc::ByteBuffer;

  grpc::ServerUnaryReactor* ListAuditEvents(Context* context, const Bytes* in, Bytes* out) override;
  grpc::ServerWriteReactor<Bytes>* WatchAuditEvents(Context* context, const Bytes* in) override;

 private:
  const KeyStore& store_;
  WorkerPool& workers_;
  AuditWatch& watch_;
  const RpcMethod list_audit_events_;
  const RpcMethod watch_audit_events_;
};

}  // namespace claviger

#endif  // CLAVIGER_SERVER_RPC_AUDIT_SERVICE_H_
