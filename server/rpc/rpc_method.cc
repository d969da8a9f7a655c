#include "server/rpc/rpc_method.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/status.h"
#include "grpc/support/time.h"
#include "server/rpc/status_mapping.h"
#include "server/transport/peer.h"

namespace claviger {

RpcMethod::RpcMethod(const RpcEnvironment& environment, std::string_view service,
                     std::string_view method, const MethodTraits& traits)
    : environment_(environment),
      traits_(traits),
      name_(method),
      metrics_(environment.metrics.RegisterMethod(service, method, traits.type)) {}

absl::StatusOr<Caller> RpcMethod::Authenticate(const grpc::CallbackServerContext& context,
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
  if (caller.ok() && environment_.caller_marks != nullptr) {
    environment_.caller_marks->Note(context.peer());
  }
  if (caller.status().code() == absl::StatusCode::kUnauthenticated) {
    environment_.metrics.CountAuthFailure(
        DetailsOf(caller.status()).reason == Reason::kCredentialMissing ? AuthFailure::kMissing
                                                                        : AuthFailure::kInvalid);
  }
  return caller;
}

absl::Status RpcMethod::Require(const Caller& caller) const {
  return traits_.permission.empty() ? absl::OkStatus() : caller.Require(traits_.permission);
}

absl::StatusOr<Caller> RpcMethod::Admit(const grpc::CallbackServerContext& context,
                                        PeerUse peer) const {
  absl::StatusOr<Caller> caller = Authenticate(context, peer);
  if (!caller.ok()) return caller;
  if (absl::Status s = Require(*caller); !s.ok()) return s;
  return caller;
}

grpc::Status RpcMethod::Conclude(const absl::Status& status, absl::Duration started) const {
  if (status.code() == absl::StatusCode::kPermissionDenied) {
    environment_.metrics.CountAuthFailure(AuthFailure::kPermission);
  }
  metrics_->Handled(static_cast<int>(status.code()), environment_.clock.SinceBoot() - started);
  return ToGrpcStatus(status);
}

grpc::Status RpcMethod::Conclude(const absl::Status& status, absl::Duration started,
                                 const EndedCall& call) const {
  if (IsRefusal(status, call.caller) && traits_.records_refusals) RecordRefusal(status, call);
  return Conclude(status, started);
}

void RpcMethod::RecordRefusal(const absl::Status& status, const EndedCall& call) const {
  if (!environment_.refusals.Admit()) return;
  RequestIds ids = call.ids();
  environment_.refusals.Record({.actor = call.caller != nullptr ? call.caller->actor() : "unknown",
                                .peer = PeerAddress(call.context.peer()),
                                .action = name_,
                                .project_id = std::move(ids.project_id),
                                .key_id = std::move(ids.key_id),
                                .detail = "",
                                .refusal = std::string(ReasonName(DetailsOf(status).reason))});
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
