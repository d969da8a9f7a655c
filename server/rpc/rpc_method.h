// What the handlers of all methods share: who calls, until when, and how the outcome is counted.
#ifndef CLAVIGER_SERVER_RPC_RPC_METHOD_H_
#define CLAVIGER_SERVER_RPC_RPC_METHOD_H_

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "core/clock.h"
#include "core/lifecycle.h"
#include "grpcpp/server_context.h"
#include "server/audit/refusal_recorder.h"
#include "server/manage/authenticator.h"
#include "server/manage/caller.h"
#include "server/metrics/server_metrics.h"
#include "server/rpc/refused_call.h"
#include "server/rpc/wire.h"
#include "server/transport/caller_marks.h"

namespace claviger {

// What a call without a deadline gets.
inline constexpr absl::Duration kDefaultDeadline = absl::Seconds(30);

// The server's parts that every handler needs. All outlive the services.
struct RpcEnvironment {
  const Authenticator& authenticator;
  const Clock& clock;
  ServerMetrics& metrics;
  RefusalRecorder& refusals;
  // From a key's deletion to its purge.
  absl::Duration deleted_key_retention = kDefaultDeletedKeyRetention;
  // Learns on which connections callers were recognised; may be null.
  CallerMarks* caller_marks = nullptr;
};

// Whether a call writes down where it came from. What only reads does not, and saves the reading of
// the address from its text.
enum class PeerUse { kNone, kRecorded };

// What is particular to a method.
struct MethodTraits {
  // Asked of the caller before the request is looked at. Empty: the handler decides.
  std::string_view permission;
  size_t max_request_bytes = kMaxRequestBytes;
  MethodType type = MethodType::kUnary;
  // Whether a call that is refused gets an audit entry. Checks do not: they are no management.
  bool records_refusals = true;
};

// One method of one service.
//
// Thread safety: all methods may be called from any thread at once.
class RpcMethod {
 public:
  RpcMethod(const RpcEnvironment& environment, std::string_view service, std::string_view method,
            const MethodTraits& traits);

  // The caller of this call, by header or certificate; counts failures.
  absl::StatusOr<Caller> Authenticate(const grpc::CallbackServerContext& context,
                                      PeerUse peer) const;
  // OK when `caller` has the method's permission.
  absl::Status Require(const Caller& caller) const;
  // Both.
  absl::StatusOr<Caller> Admit(const grpc::CallbackServerContext& context, PeerUse peer) const;

  // Whether a caller of before would still be admitted: OK, or what Admit would answer now.
  absl::Status Recheck(const Caller& caller) const {
    return environment_.authenticator.Recheck(caller, traits_.permission);
  }

  void CountStart() const { metrics_->Started(); }
  // Counts the answer and turns it into gRPC's.
  grpc::Status Conclude(const absl::Status& status, absl::Duration started) const;
  // The same, and records a refused call.
  grpc::Status Conclude(const absl::Status& status, absl::Duration started,
                        const EndedCall& call) const;

  const Clock& clock() const { return environment_.clock; }
  size_t max_request_bytes() const { return traits_.max_request_bytes; }

 private:
  void RecordRefusal(const absl::Status& status, const EndedCall& call) const;

  RpcEnvironment environment_;
  MethodTraits traits_;
  std::string name_;
  MethodMetrics* metrics_;
};

// How long the client still waits; InfiniteDuration when it did not say.
absl::Duration RemainingTime(const grpc::CallbackServerContext& context);

}  // namespace claviger

#endif  // CLAVIGER_SERVER_RPC_RPC_METHOD_H_
