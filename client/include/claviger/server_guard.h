// One table that says who may call what, for a whole gRPC server: unary and streaming calls, of the
// synchronous, callback and asynchronous API. A call that the table does not let in never reaches a
// handler.
//
//   absl::StatusOr<std::shared_ptr<grpc::AuthMetadataProcessor>> guard =
//       claviger::MakeServerGuard(checker, {
//           {"/shop.Orders/List", {.required_scopes = {"orders:read"}}},
//           {"/shop.Orders/*", {.required_scopes = {"orders:write"}}},
//           {"/grpc.health.v1.Health/*", {.open = true}},
//       });
//   credentials->SetAuthMetadataProcessor(*std::move(guard));
//   builder.AddListeningPort(address, credentials);
//
// Why credentials: in gRPC 1.51 their metadata processor is the only hook that ends any call before
// its handler; an interceptor cannot. grpc::SslServerCredentials has it, and so have
// grpc::experimental::TlsServerCredentials and, for plaintext on a loopback address or a unix
// socket (behind a proxy on the same machine, say), grpc::experimental::LocalServerCredentials.
// grpc::InsecureServerCredentials has not: SetAuthMetadataProcessor ends the process.
//
// Limits of the hook: the status has a code and a message, which begins with the reason that
// GuardResult::status gives, but no details; and the address of the connection is not known there.
// A key that is limited to addresses is let in only with `GuardOptions::address_header`, or by an
// open method whose handler calls Guard::Check.
//
// A handler that wants the caller's grant asks for it with Guard::Check, which then is a cache hit.
#ifndef CLAVIGER_SERVER_GUARD_H_
#define CLAVIGER_SERVER_GUARD_H_

#include <grpcpp/security/auth_metadata_processor.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "claviger/checker.h"
#include "claviger/guard.h"

namespace claviger {

// What a method demands. Without anything said: any good key.
struct MethodRule {
  // No key is needed, and none is looked at.
  bool open = false;
  // As in CheckRequirements.
  std::string project_id = {};
  std::vector<std::string> required_scopes = {};
  std::vector<std::string> any_scopes = {};
};

// `/package.Service/Method`, or `/package.Service/*` for the methods of a service that have no rule
// of their own. A method without any rule is denied: PERMISSION_DENIED, METHOD_NOT_ALLOWED.
using MethodPolicy = std::map<std::string, MethodRule>;

// INVALID_ARGUMENT names the method or option that is wrong. `checker` outlives the server. Checks
// run on threads that gRPC keeps for this, so that waiting for the authority holds up no handler.
absl::StatusOr<std::shared_ptr<grpc::AuthMetadataProcessor>> MakeServerGuard(
    Checker& checker, MethodPolicy policy, GuardOptions options = {});

}  // namespace claviger

#endif  // CLAVIGER_SERVER_GUARD_H_
