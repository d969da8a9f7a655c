// The answer to a method that no service here has.
#ifndef CLAVIGER_SERVER_RPC_UNKNOWN_METHOD_H_
#define CLAVIGER_SERVER_RPC_UNKNOWN_METHOD_H_

#include "grpcpp/generic/async_generic_service.h"

namespace claviger {

// Answers UNIMPLEMENTED with an ErrorInfo, which gRPC's own answer lacks. To be registered as the
// server's generic service; health and reflection, as services of their own, are not its concern.
//
// Thread safety: called by gRPC from any thread at once.
class UnknownMethodService final : public grpc::CallbackGenericService {
 public:
  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override;
};

}  // namespace claviger

#endif  // CLAVIGER_SERVER_RPC_UNKNOWN_METHOD_H_
