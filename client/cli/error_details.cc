#include "client/cli/error_details.h"

#include <google/rpc/error_details.pb.h>
#include <google/rpc/status.pb.h>

#include "client/cli/time_text.h"

namespace claviger::cli {

WireErrorDetails DetailsFrom(const grpc::Status& status) {
  WireErrorDetails details;
  google::rpc::Status wire;
  if (!wire.ParseFromString(status.error_details())) return details;
  for (const google::protobuf::Any& any : wire.details()) {
    google::rpc::ErrorInfo info;
    google::rpc::BadRequest bad_request;
    google::rpc::RetryInfo retry;
    if (any.UnpackTo(&info)) {
      details.reason = info.reason();
    } else if (any.UnpackTo(&bad_request)) {
      for (const auto& violation : bad_request.field_violations()) {
        details.fields.push_back({violation.field(), violation.description()});
      }
    } else if (any.UnpackTo(&retry)) {
      details.retry_after = FromProto(retry.retry_delay());
    }
  }
  return details;
}

}  // namespace claviger::cli
