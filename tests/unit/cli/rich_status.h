// Error statuses as the server sends them.
#ifndef CLAVIGER_TESTS_UNIT_CLI_RICH_STATUS_H_
#define CLAVIGER_TESTS_UNIT_CLI_RICH_STATUS_H_

#include <google/rpc/error_details.pb.h>
#include <google/rpc/status.pb.h>
#include <grpcpp/support/status.h>

#include <string>
#include <utility>
#include <vector>

namespace claviger::cli {

// A status with ErrorInfo, and with BadRequest and RetryInfo where they are given.
inline grpc::Status RichStatus(grpc::StatusCode code, const std::string& message,
                               const std::string& reason,
                               const std::vector<std::pair<std::string, std::string>>& fields = {},
                               int retry_seconds = 0) {
  google::rpc::Status wire;
  google::rpc::ErrorInfo info;
  info.set_reason(reason);
  info.set_domain("claviger");
  wire.add_details()->PackFrom(info);
  google::rpc::BadRequest bad_request;
  for (const auto& [field, description] : fields) {
    auto& violation = *bad_request.add_field_violations();
    violation.set_field(field);
    violation.set_description(description);
  }
  if (!fields.empty()) wire.add_details()->PackFrom(bad_request);
  google::rpc::RetryInfo retry;
  retry.mutable_retry_delay()->set_seconds(retry_seconds);
  if (retry_seconds > 0) wire.add_details()->PackFrom(retry);
  return grpc::Status(code, message, wire.SerializeAsString());
}

}  // namespace claviger::cli

#endif  // CLAVIGER_TESTS_UNIT_CLI_RICH_STATUS_H_
