#include "tests/support/test_caller.h"

#include <vector>

#include "absl/synchronization/notification.h"
#include "fmt/format.h"
#include "google/protobuf/descriptor.h"
#include "grpcpp/client_context.h"
#include "grpcpp/generic/generic_stub.h"

namespace claviger {
namespace {

std::string Flatten(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  if (!buffer.Valid() || !buffer.Dump(&slices).ok()) return {};
  std::string bytes;
  for (const grpc::Slice& slice : slices) {
    bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return bytes;
}

}  // namespace

TestCaller::TestCaller(std::shared_ptr<grpc::Channel> channel, std::string_view key)
    : channel_(std::move(channel)),
      authorization_(key.empty() ? std::string() : fmt::format("Bearer {}", key)) {}

TestCaller TestCaller::WithHeader(std::string header) const {
  TestCaller caller = *this;
  caller.authorization_ = std::move(header);
  return caller;
}

TestCaller TestCaller::WithDeadline(std::optional<absl::Duration> deadline) const {
  TestCaller caller = *this;
  caller.deadline_ = deadline;
  return caller;
}

Outcome<std::string> TestCaller::CallBytes(const std::string& method,
                                           const std::string& bytes) const {
  grpc::ClientContext context;
  if (!authorization_.empty()) context.AddMetadata("authorization", authorization_);
  if (deadline_.has_value()) context.set_deadline(absl::ToChronoTime(absl::Now() + *deadline_));
  const grpc::Slice slice(bytes);
  const grpc::ByteBuffer request(&slice, 1);
  grpc::ByteBuffer answer;
  Outcome<std::string> outcome;
  absl::Notification done;
  grpc::GenericStub stub(channel_);
  stub.UnaryCall(&context, method, grpc::StubOptions(), &request, &answer,
                 [&](grpc::Status status) {
                   outcome.status = std::move(status);
                   done.Notify();
                 });
  done.WaitForNotification();
  if (outcome.ok()) outcome.answer = Flatten(answer);
  return outcome;
}

std::string TestCaller::MethodOf(const google::protobuf::Descriptor& request) {
  // Messages may stand in a file of their own, beside that of their service.
  const bool apart = request.file()->service_count() == 0;
  const google::protobuf::ServiceDescriptor& service =
      apart ? *v1::IssueKeyRequest::descriptor()->file()->service(0) : *request.file()->service(0);
  for (int i = 0; i < service.method_count(); ++i) {
    if (service.method(i)->input_type() == &request) {
      return fmt::format("/{}/{}", service.full_name(), service.method(i)->name());
    }
  }
  ADD_FAILURE() << "no method takes " << request.full_name();
  return {};
}

}  // namespace claviger
