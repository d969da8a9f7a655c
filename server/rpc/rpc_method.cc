#include "server/rpc/rpc_method.h"

#include <optional>
#include <string>
#include <string_view>

#include "core/status.h"
#include "grpc/support/time.h"
#include "server/rpc/status_mapping.h"
#include "server/transport/peer.h"

namespace claviger {

RpcMethod::RpcMethod(const RpcEnvironment& environment, std::string_view service,
                     std::string_view method, const MethodTraits& traits)
    : environment_(environment),
      traits_(traits),
      metrics_(environment.metrics.RegisterMethod(service, method, traits.type)) {}

absl::StatusOr<Caller> RpcMethod::Admit(const grpc::CallbackServerContext& context,
                                        PeerUse peer) const {
  ShownCredentials shown;
  const auto& metadata = context.client_metadata();
  if (const auto header = metadata.find("authorization"); header != metadata.end()) {
    shown.authorization = std::string_view(header->second.data(), header->second.size());
  }
  shown.certificate_sans = [&context] { return PeerSans(*context.auth_context()); };
  shown.peer = [&context] { return PeerAddress(context.peer()); };
  shown.records_peer = peer == PeerUse::kRecorded;
  absl::StatusOr<Caller> caller = environment_.authenticator.Authenticate(shown);
  if (caller.status().code() == absl::StatusCode::kUnauthenticated) {
    environment_.metrics.CountAuthFailure(
        DetailsOf(caller.status()).reason == Reason::kCredentialMissing ? AuthFailure::kMissing
                                                                        : AuthFailure::kInvalid);
  }
  if (caller.ok() && !traits_.permission.empty()) {
    if (absl::Status s = caller->Require(traits_.permission); !s.ok()) return s;
  }
  return caller;
}

grpc::Status RpcMethod::Conclude(const absl::Status& status, absl::Duration started) const {
  if (status.code() == absl::StatusCode::kPermissionDenied) {
    environment_.metrics.CountAuthFailure(AuthFailure::kPermission);
  }
  metrics_->Handled(static_cast<int>(status.code()), environment_.clock.SinceBoot() - started);
  return ToGrpcStatus(status);
}

absl::Duration RemainingTime(const grpc::CallbackServerContext& context) {
  const gpr_timespec deadline = context.raw_deadline();
  if (gpr_time_cmp(deadline, gpr_inf_future(deadline.clock_type)) == 0) {
    return absl::InfiniteDuration();
  }
  const gpr_timespec remaining = gpr_time_sub(deadline, gpr_now(deadline.clock_type));
  return absl::Seconds(remaining.tv_sec) + absl::Nanoseconds(remaining.tv_nsec);
}

}  // namespace claviger
