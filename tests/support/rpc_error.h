// What a call answered, and matchers that read like the promise of an error:
//
//   EXPECT_THAT(root.Call(request), IsOk());
//   EXPECT_THAT(root.Call(request),
//               IsError(grpc::StatusCode::INVALID_ARGUMENT, "FIELD_INVALID", "scopes[1]"));
#ifndef CLAVIGER_TESTS_SUPPORT_RPC_ERROR_H_
#define CLAVIGER_TESTS_SUPPORT_RPC_ERROR_H_

#include <map>
#include <optional>
#include <ostream>
#include <string>
#include <utility>

#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "grpcpp/support/status.h"

namespace claviger {

// A status and, when it is OK, the answer.
template <typename Answer>
struct Outcome {
  grpc::Status status;
  Answer answer;

  bool ok() const { return status.ok(); }
  const Answer* operator->() const { return &answer; }
  const Answer& operator*() const { return answer; }
};

inline const grpc::Status& StatusOf(const grpc::Status& status) { return status; }
template <typename Answer>
const grpc::Status& StatusOf(const Outcome<Answer>& outcome) {
  return outcome.status;
}

// An error status with its google.rpc details taken apart.
struct RpcError {
  grpc::StatusCode code = grpc::StatusCode::OK;
  std::string message;
  std::string reason;
  std::string domain;
  std::map<std::string, std::string> fields;  // path to what is accepted
  std::string resource_type;
  std::string resource_name;
  std::optional<absl::Duration> retry_delay;
};

RpcError ErrorOf(const grpc::Status& status);
std::ostream& operator<<(std::ostream& out, const RpcError& error);

// Code, message and the serialized details, one behind the other: what a caller can tell two
// answers apart by.
std::string BytesOf(const grpc::Status& status);

// What `IsError` demands. Empty strings demand nothing.
struct ErrorPattern {
  grpc::StatusCode code;
  std::string reason;
  // A field among those that BadRequest names.
  std::string field;
  // Part of what BadRequest says is accepted there, and of the message.
  std::string accepted;
};

class ErrorMatcher {
 public:
  explicit ErrorMatcher(ErrorPattern wanted) : wanted_(std::move(wanted)) {}

  template <typename T>
  bool MatchAndExplain(const T& outcome, testing::MatchResultListener* listener) const {
    return MatchAndExplain(StatusOf(outcome), listener);
  }
  bool MatchAndExplain(const grpc::Status& status, testing::MatchResultListener* listener) const;
  void DescribeTo(std::ostream* out) const;
  void DescribeNegationTo(std::ostream* out) const;

 private:
  const ErrorPattern wanted_;
};

// Every error of ours also has the domain `claviger` and a message.
inline testing::PolymorphicMatcher<ErrorMatcher> IsError(grpc::StatusCode code, std::string reason,
                                                         std::string field = "",
                                                         std::string accepted = "") {
  return testing::MakePolymorphicMatcher(
      ErrorMatcher({code, std::move(reason), std::move(field), std::move(accepted)}));
}

MATCHER(IsOk, "is OK") {
  const grpc::Status& status = StatusOf(arg);
  *result_listener << "which is " << status.error_code() << " " << status.error_message();
  return status.ok();
}

}  // namespace claviger

#endif  // CLAVIGER_TESTS_SUPPORT_RPC_ERROR_H_
