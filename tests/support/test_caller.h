// Somebody who calls the server: a connection and the credential that every call shows.
//
//   const auto got = caller.Call(request);  // the request's type names the method
//   ASSERT_THAT(got, IsOk());
//   EXPECT_EQ(got->info().key_id(), id);
#ifndef CLAVIGER_TESTS_SUPPORT_TEST_CALLER_H_
#define CLAVIGER_TESTS_SUPPORT_TEST_CALLER_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/time/time.h"
#include "claviger/v1/audit.pb.h"
#include "claviger/v1/key_authority.pb.h"
#include "claviger/v1/project.pb.h"
#include "claviger/v1/usage.pb.h"
#include "claviger/v1/verifier.pb.h"
#include "google/protobuf/message.h"
#include "grpcpp/channel.h"
#include "tests/support/rpc_error.h"

namespace claviger {

// Which answer belongs to which request. Declared only.
v1::IssueKeyResponse AnswerTo(const v1::IssueKeyRequest&);
v1::GetKeyResponse AnswerTo(const v1::GetKeyRequest&);
v1::ListKeysResponse AnswerTo(const v1::ListKeysRequest&);
v1::UpdateScopesResponse AnswerTo(const v1::UpdateScopesRequest&);
v1::DisableKeyResponse AnswerTo(const v1::DisableKeyRequest&);
v1::EnableKeyResponse AnswerTo(const v1::EnableKeyRequest&);
v1::RevokeKeyResponse AnswerTo(const v1::RevokeKeyRequest&);
v1::RotateKeyResponse AnswerTo(const v1::RotateKeyRequest&);
v1::UpdateKeyResponse AnswerTo(const v1::UpdateKeyRequest&);
v1::LookupKeyResponse AnswerTo(const v1::LookupKeyRequest&);
v1::ImportKeysResponse AnswerTo(const v1::ImportKeysRequest&);
v1::DeleteKeyResponse AnswerTo(const v1::DeleteKeyRequest&);
v1::UndeleteKeyResponse AnswerTo(const v1::UndeleteKeyRequest&);
v1::RevokeKeysResponse AnswerTo(const v1::RevokeKeysRequest&);
v1::ListSessionsResponse AnswerTo(const v1::ListSessionsRequest&);
v1::GetUsageResponse AnswerTo(const v1::GetUsageRequest&);
v1::CreateProjectResponse AnswerTo(const v1::CreateProjectRequest&);
v1::GetProjectResponse AnswerTo(const v1::GetProjectRequest&);
v1::ListProjectsResponse AnswerTo(const v1::ListProjectsRequest&);
v1::UpdateProjectResponse AnswerTo(const v1::UpdateProjectRequest&);
v1::DeleteProjectResponse AnswerTo(const v1::DeleteProjectRequest&);
v1::ListAuditEventsResponse AnswerTo(const v1::ListAuditEventsRequest&);
v1::VerifyResponse AnswerTo(const v1::VerifyRequest&);
v1::BatchVerifyResponse AnswerTo(const v1::BatchVerifyRequest&);

template <typename Request>
using Answer = decltype(AnswerTo(std::declval<const Request&>()));

// Cheap to copy.
//
// Thread safety: all methods may be called from any thread at once, but for the setters.
class TestCaller {
 public:
  // Shows nothing when `key` is empty.
  TestCaller(std::shared_ptr<grpc::Channel> channel, std::string_view key);

  // Shows this as the whole `authorization` header instead.
  TestCaller WithHeader(std::string header) const;
  // nullopt: calls have no deadline. Otherwise 20 s, so that a server that hangs fails the test.
  TestCaller WithDeadline(std::optional<absl::Duration> deadline) const;

  template <typename Request>
  Outcome<Answer<Request>> Call(const Request& request) const {
    Outcome<Answer<Request>> outcome;
    const Outcome<std::string> raw =
        CallBytes(MethodOf(*Request::descriptor()), request.SerializeAsString());
    outcome.status = raw.status;
    if (raw.ok() && !outcome.answer.ParseFromString(raw.answer)) {
      outcome.status = {grpc::StatusCode::DATA_LOSS, "the answer does not parse"};
    }
    return outcome;
  }
  // Sends any message to the method that its type belongs to, and drops the answer.
  grpc::Status Send(const google::protobuf::Message& request) const {
    return CallBytes(MethodOf(*request.GetDescriptor()), request.SerializeAsString()).status;
  }
  // Sends `bytes` as they are to `method`, e.g. `/claviger.v1.KeyAuthority/GetKey`.
  Outcome<std::string> CallBytes(const std::string& method, const std::string& bytes) const;

  // The path of the method that takes messages of this type.
  static std::string MethodOf(const google::protobuf::Descriptor& request);

 private:
  std::shared_ptr<grpc::Channel> channel_;
  std::string authorization_;
  std::optional<absl::Duration> deadline_ = absl::Seconds(20);
};

}  // namespace claviger

#endif  // CLAVIGER_TESTS_SUPPORT_TEST_CALLER_H_
