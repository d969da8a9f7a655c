// One AuditLog.WatchAuditEvents stream.
#ifndef CLAVIGER_SERVER_RPC_AUDIT_REACTOR_H_
#define CLAVIGER_SERVER_RPC_AUDIT_REACTOR_H_

#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/byte_buffer.h"
#include "server/manage/audit_watch.h"
#include "server/rpc/write_reactor.h"

namespace claviger {

// Carries what AuditWatch sends to gRPC.
//
// Thread safety: all methods may be called from any thread at once.
class AuditReactor final : public WriteReactor, public AuditStream {
 public:
  // `method` and `watch` outlive the reactor; gRPC keeps `context` until it is done with the call.
  AuditReactor(const RpcMethod& method, AuditWatch& watch,
               const grpc::CallbackServerContext& context);

  void Send(std::vector<AuditNews> news) override;
  void Close(absl::Status status) override { End(std::move(status)); }

 private:
  absl::Status Begin(const grpc::ByteBuffer& in) override;
  void OnAllSent() override { watch_.OnSent(id_); }
  void OnGone() override { watch_.OnClosed(id_); }

  AuditWatch& watch_;
  const AuditWatchId id_;
  bool shows_hashes_ = false;  // constant behind Begin
};

}  // namespace claviger

#endif  // CLAVIGER_SERVER_RPC_AUDIT_REACTOR_H_
