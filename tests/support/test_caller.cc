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
  // A request may stand in another file than its service.
  for (const char* name : {"KeyAuthority", "Projects", "Verifier", "AuditLog", "Usage"}) {
    const google::protobuf::ServiceDescriptor* service =
        request.file()->pool()->FindServiceByName(fmt::format("claviger.v1.{}", name));
    for (int i = 0; service != nullptr && i < service->method_count(); ++i) {
      if (service->method(i)->input_type() == &request) {
        return fmt::format("/{}/{}", service->full_name(), service->method(i)->name());
      }
    }
  }
  ADD_FAILURE() << "no method takes " << request.full_name();
  return {};
}

}  // namespace claviger
