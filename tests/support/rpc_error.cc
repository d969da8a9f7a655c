#include "tests/support/rpc_error.h"

#include "fmt/format.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace claviger {

RpcError ErrorOf(const grpc::Status& status) {
  RpcError error;
  error.code = status.error_code();
  error.message = status.error_message();
  google::rpc::Status details;
  if (!details.ParseFromString(status.error_details())) return error;
  for (const google::protobuf::Any& any : details.details()) {
    google::rpc::ErrorInfo info;
    google::rpc::BadRequest bad_request;
    google::rpc::ResourceInfo resource;
    google::rpc::RetryInfo retry;
    if (any.UnpackTo(&info)) {
      error.reason = info.reason();
      error.domain = info.domain();
    } else if (any.UnpackTo(&bad_request)) {
      for (const auto& violation : bad_request.field_violations()) {
        error.fields.emplace(violation.field(), violation.description());
      }
    } else if (any.UnpackTo(&resource)) {
      error.resource_type = resource.resource_type();
      error.resource_name = resource.resource_name();
    } else if (any.UnpackTo(&retry)) {
      error.retry_delay = absl::Seconds(retry.retry_delay().seconds()) +
                          absl::Nanoseconds(retry.retry_delay().nanos());
    }
  }
  return error;
}

std::ostream& operator<<(std::ostream& out, const RpcError& error) {
  out << "code " << error.code << ", reason " << error.reason << ", domain " << error.domain
      << ", message \"" << error.message << "\"";
  for (const auto& [field, accepted] : error.fields) {
    out << ", field " << field << " (" << accepted << ")";
  }
  return out;
}

std::string BytesOf(const grpc::Status& status) {
  return fmt::format("{}\n{}\n{}", static_cast<int>(status.error_code()), status.error_message(),
                     status.error_details());
}

bool ErrorMatcher::MatchAndExplain(const grpc::Status& status,
                                   testing::MatchResultListener* listener) const {
  const RpcError error = ErrorOf(status);
  *listener << "which is " << error;
  if (error.code != wanted_.code || error.reason != wanted_.reason) return false;
  if (error.domain != "claviger" || error.message.empty()) return false;
  if (wanted_.field.empty()) return true;
  const auto field = error.fields.find(wanted_.field);
  return field != error.fields.end() && field->second.find(wanted_.accepted) != std::string::npos &&
         error.message.find(wanted_.accepted) != std::string::npos;
}

void ErrorMatcher::DescribeTo(std::ostream* out) const {
  *out << "is error " << wanted_.code << " " << wanted_.reason;
  if (!wanted_.field.empty()) *out << " naming " << wanted_.field;
  if (!wanted_.accepted.empty()) *out << " and saying \"" << wanted_.accepted << "\"";
}

void ErrorMatcher::DescribeNegationTo(std::ostream* out) const {
  *out << "is not: ";
  DescribeTo(out);
}

}  // namespace claviger
