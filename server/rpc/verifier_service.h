// claviger.v1.Verifier.
#ifndef CLAVIGER_SERVER_RPC_VERIFIER_SERVICE_H_
#define CLAVIGER_SERVER_RPC_VERIFIER_SERVICE_H_

#include <string>

#include "absl/status/status.h"
#include "claviger/v1/verifier.grpc.pb.h"
#include "core/revision.h"
#include "server/manage/caller.h"
#include "server/rpc/rpc_method.h"
#include "server/rpc/usage_report.h"
#include "server/sync/sync_loop.h"
#include "server/usage/usage_recorder.h"
#include "server/verify/verifier.h"

namespace claviger {

// The service with its unary methods taking and giving raw bytes.
using RawVerifier =
    v1::Verifier::WithRawCallbackMethod_Verify<v1::Verifier::WithRawCallbackMethod_BatchVerify<
        v1::Verifier::WithCallbackMethod_Sync<v1::Verifier::Service>>>;

// Thread safety: called by gRPC from any thread at once.
class VerifierService final : public RawVerifier {
 public:
  // All arguments outlive the server that the service is registered with.
  VerifierService(const RpcEnvironment& environment, Verifier& verifier, const Clock& clock,
                  sync::SyncLoop& loop, const Epoch& epoch, UsageRecorder& usage,
                  UsageReports& usage_reports);

  using Context = grpc::CallbackServerContext;
  using Reactor = grpc::ServerUnaryReactor;
  using Bytes = grpc::ByteBuffer;

  Reactor* Verify(Context* context, const Bytes* in, Bytes* out) override;
  Reactor* BatchVerify(Context* context, const Bytes* in, Bytes* out) override;
  grpc::ServerBidiReactor<v1::SyncRequest, v1::SyncResponse>* Sync(Context* context) override;

 private:
  absl::Status Check(const Caller& caller, const v1::VerifyRequest& request,
                     v1::VerifyResponse& answer);

  Verifier& verifier_;
  const Clock& clock_;
  sync::SyncLoop& loop_;
  ServerMetrics& metrics_;
  UsageRecorder& usage_;
  UsageReports& usage_reports_;
  const std::string epoch_;
  const RpcMethod verify_;
  const RpcMethod batch_verify_;
  const RpcMethod sync_;
};

}  // namespace claviger

#endif  // CLAVIGER_SERVER_RPC_VERIFIER_SERVICE_H_
