// API keys at the door of a gRPC server.
//
// In a handler, of the synchronous or the callback API, unary or streaming:
//
//   static constexpr std::string_view kReadOrders[] = {"orders:read"};
//   grpc::Status List(grpc::ServerContext* context, …) override {
//     const claviger::GuardResult caller =
//         guard_->Check(*context, {.required_scopes = kReadOrders});
//     if (!caller.ok()) return caller.status();
//     … caller.grant().owner() …
//
// Or before every handler of a server: see claviger/server_guard.h.
//
// Performance: that of Checker::Check, and a look into the call's metadata.
#ifndef CLAVIGER_GUARD_H_
#define CLAVIGER_GUARD_H_

#include <grpcpp/server_context.h>
#include <grpcpp/support/status.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "claviger/checker.h"
#include "claviger/decision.h"

namespace claviger {

struct GuardOptions {
  // The headers that may carry the key, tried in this order; 1 to 8 names in lower case. In
  // `authorization` it follows `Bearer `; any other header is the key. A header that comes twice is
  // refused.
  std::vector<std::string> key_headers = {"authorization", "x-api-key"};
  // The header that says from which address the caller came, for keys that are limited to
  // addresses: only where a proxy in front of this server always sets it, as anybody else can, too.
  // Of a list with commas the last entry counts, which is the nearest proxy's. Empty: the address
  // of the connection.
  std::string address_header = {};
};

// The outcome for one call.
class [[nodiscard]] GuardResult {
 public:
  GuardResult(grpc::Status status, Decision decision)
      : status_(std::move(status)), decision_(std::move(decision)) {}

  // Whether the call may go on.
  bool ok() const { return status_.ok(); }
  // What to answer if not, with a google.rpc.ErrorInfo of domain `claviger`:
  //   UNAUTHENTICATED     KEY_MISSING, KEY_INVALID, KEY_DISABLED, KEY_EXPIRED, KEY_REVOKED
  //   PERMISSION_DENIED   INSUFFICIENT_SCOPE (`missing_scopes` in its metadata),
  //                       ADDRESS_NOT_ALLOWED
  //   RESOURCE_EXHAUSTED  RATE_LIMITED, QUOTA_EXCEEDED
  //   UNAVAILABLE         AUTHORITY_UNAVAILABLE
  const grpc::Status& status() const { return status_; }
  // Whom the caller's key stands for. Empty when there was no good key.
  const Grant& grant() const { return decision_.grant(); }
  const Decision& decision() const { return decision_; }

 private:
  grpc::Status status_;
  Decision decision_;
};

// Thread safety: immutable, all methods may be called from any thread at once.
class Guard {
 public:
  // INVALID_ARGUMENT names the option that is wrong. `checker` outlives the guard.
  static absl::StatusOr<std::unique_ptr<Guard>> Create(Checker& checker, GuardOptions options = {});

  // Checks the key of a call. The client's address is filled in unless `requirements` have one.
  GuardResult Check(const grpc::ServerContextBase& context,
                    const CheckRequirements& requirements = {}) const;
  // The same without waiting: see Checker::CheckAsync. `context` is used only until this returns.
  void CheckAsync(const grpc::ServerContextBase& context, const CheckRequirements& requirements,
                  absl::AnyInvocable<void(GuardResult)> callback) const;

 private:
  Guard(Checker& checker, GuardOptions options) : checker_(checker), options_(std::move(options)) {}

  Checker& checker_;
  const GuardOptions options_;
};

}  // namespace claviger

#endif  // CLAVIGER_GUARD_H_
