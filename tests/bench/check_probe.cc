#include "tests/bench/check_probe.h"

#include <chrono>
#include <fstream>

#include "fmt/format.h"
#include "grpcpp/client_context.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"

namespace claviger::bench {

CheckProbe::CheckProbe(const ClavigerServer& server)
    : stub_(v1::Verifier::NewStub(
          grpc::CreateChannel(server.address(), grpc::InsecureChannelCredentials()))),
      authorization_(server.authorization()) {}

absl::StatusOr<double> CheckProbe::Check(const std::string& key, v1::VerifyCode expected) {
  v1::VerifyRequest request;
  request.set_key(key);
  request.set_project_id(std::string(kBenchProject));
  grpc::ClientContext context;
  context.AddMetadata("authorization", authorization_);
  v1::VerifyResponse response;
  const auto begun = std::chrono::steady_clock::now();
  const grpc::Status status = stub_->Verify(&context, request, &response);
  const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - begun;
  if (!status.ok()) return absl::InternalError(status.error_message());
  if (response.code() == expected) return took.count();
  return absl::InternalError(fmt::format("a check answered {} instead of {}",
                                         v1::VerifyCode_Name(response.code()),
                                         v1::VerifyCode_Name(expected)));
}

absl::StatusOr<std::string> KeyAt(const KeySet& keys, uint64_t index) {
  std::ifstream file(keys.key_file);
  std::string text(keys.key_length, ' ');
  file.seekg(static_cast<std::streamoff>(index * keys.key_length));
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!file) return absl::InternalError(fmt::format("{} has no key {}", keys.key_file, index));
  return text;
}

}  // namespace claviger::bench
