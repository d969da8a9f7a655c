// The google.rpc details that an error status of the server carries.
#ifndef CLAVIGER_CLIENT_CLI_ERROR_DETAILS_H_
#define CLAVIGER_CLIENT_CLI_ERROR_DETAILS_H_

#include <grpcpp/support/status.h>

#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "core/status.h"

namespace claviger::cli {

// What `grpc-status-details-bin` holds, as received: hostile text until escaped.
struct WireErrorDetails {
  // `ErrorInfo.reason`; empty when there are no details or none that can be read.
  std::string reason;
  std::vector<FieldViolation> fields;
  std::optional<absl::Duration> retry_after;
};

// Never fails: what cannot be read is left out.
WireErrorDetails DetailsFrom(const grpc::Status& status);

}  // namespace claviger::cli

#endif  // CLAVIGER_CLIENT_CLI_ERROR_DETAILS_H_
