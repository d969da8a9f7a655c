// The one mapping of our errors to gRPC's.
#ifndef CLAVIGER_SERVER_RPC_STATUS_MAPPING_H_
#define CLAVIGER_SERVER_RPC_STATUS_MAPPING_H_

#include "absl/status/status.h"
#include "grpcpp/support/status.h"

namespace claviger {

// The same code and message, with `google.rpc.ErrorInfo{reason, domain: "claviger"}`; `BadRequest`
// for each bad field; `ResourceInfo`; and `RetryInfo` on UNAVAILABLE and RESOURCE_EXHAUSTED (1 s
// where the error says nothing).
grpc::Status ToGrpcStatus(const absl::Status& status);

}  // namespace claviger

#endif  // CLAVIGER_SERVER_RPC_STATUS_MAPPING_H_
