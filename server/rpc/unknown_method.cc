#include "server/rpc/unknown_method.h"

#include "absl/status/status.h"
#include "core/status.h"
#include "server/rpc/status_mapping.h"

namespace claviger {
namespace {

class Refusal final : public grpc::ServerGenericBidiReactor {
 public:
  Refusal() {
    // The name that was called is not repeated: it may be anything.
    Finish(ToGrpcStatus(
        ErrorBuilder(absl::StatusCode::kUnimplemented, Reason::kUnknownMethod)
            .Build(
                "this server has no such method: is the service's or the method's name mistyped, "
                "or the server older than its client?")));
  }

 private:
  void OnDone() override { delete this; }
};

}  // namespace

grpc::ServerGenericBidiReactor* UnknownMethodService::CreateReactor(
    grpc::GenericCallbackServerContext* /*context*/) {
  return new Refusal();  // owned by the call, until OnDone
}

}  // namespace claviger
