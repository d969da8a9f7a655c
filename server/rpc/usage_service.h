// claviger.v1.Usage.
#ifndef CLAVIGER_SERVER_RPC_USAGE_SERVICE_H_
#define CLAVIGER_SERVER_RPC_USAGE_SERVICE_H_

#include "claviger/v1/usage.grpc.pb.h"
#include "server/rpc/rpc_method.h"
#include "server/rpc/worker_pool.h"
#include "storage/key_store.h"

namespace claviger {

// The service with its method taking and giving raw bytes.
using RawUsage = v1::Usage::WithRawCallbackMethod_GetUsage<v1::Usage::Service>;

// Thread safety: called by gRPC from any thread at once.
class UsageService final : public RawUsage {
 public:
  // All arguments outlive the server that the service is registered with.
  UsageService(const RpcEnvironment& environment, const KeyStore& store, WorkerPool& workers);

  using Context = grpc::CallbackServerContext;
  using Reactor = grpc::ServerUnaryReactor;
  using Bytes = grpc::ByteBuffer;

  Reactor* GetUsage(Context* context, const Bytes* in, Bytes* out) override;

 private:
  const KeyStore& store_;
  WorkerPool& workers_;
  const Clock& clock_;
  const RpcMethod get_usage_;
};

}  // namespace claviger

#endif  // CLAVIGER_SERVER_RPC_USAGE_SERVICE_H_
