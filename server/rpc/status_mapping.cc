#include "server/rpc/status_mapping.h"

#include <string>

#include "core/status.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace claviger {
namespace {

constexpr absl::Duration kDefaultRetryDelay = absl::Seconds(1);

bool IsWorthRetrying(absl::StatusCode code) {
  return code == absl::StatusCode::kUnavailable || code == absl::StatusCode::kResourceExhausted;
}

void AddRetryInfo(absl::Duration delay, google::rpc::Status& details) {
  google::rpc::RetryInfo info;
  const int64_t seconds = absl::IDivDuration(delay, absl::Seconds(1), &delay);
  info.mutable_retry_delay()->set_seconds(seconds);
  info.mutable_retry_delay()->set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(delay)));
  details.add_details()->PackFrom(info);
}

}  // namespace

grpc::Status ToGrpcStatus(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  const ErrorDetails error = DetailsOf(status);
  google::rpc::Status details;
  details.set_code(static_cast<int>(status.code()));
  details.set_message(std::string(status.message()));

  google::rpc::ErrorInfo info;
  info.set_reason(std::string(ReasonName(error.reason)));
  info.set_domain("claviger");
  details.add_details()->PackFrom(info);
  if (!error.fields.empty()) {
    google::rpc::BadRequest bad_request;
    for (const FieldViolation& violation : error.fields) {
      google::rpc::BadRequest::FieldViolation* field = bad_request.add_field_violations();
      field->set_field(violation.field);
      field->set_description(violation.description);
    }
    details.add_details()->PackFrom(bad_request);
  }
  if (error.resource.has_value()) {
    google::rpc::ResourceInfo resource;
    resource.set_resource_type(error.resource->type);
    resource.set_resource_name(error.resource->name);
    details.add_details()->PackFrom(resource);
  }
  if (error.retry_after.has_value() || IsWorthRetrying(status.code())) {
    AddRetryInfo(error.retry_after.value_or(kDefaultRetryDelay), details);
  }
  return {static_cast<grpc::StatusCode>(status.code()), details.message(),
          details.SerializeAsString()};
}

}  // namespace claviger
