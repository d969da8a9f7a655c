#include "tests/support/test_verifier.h"

#include <chrono>

namespace claviger {

TestVerifier::TestVerifier(const std::shared_ptr<grpc::Channel>& channel, std::string_view key)
    : stub_(v1::Verifier::NewStub(channel)) {
  context_.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
  context_.AddMetadata("authorization", "Bearer " + std::string(key));
  stream_ = stub_->Sync(&context_);
}

TestVerifier::~TestVerifier() {
  Cut();
  End();
}

std::string TestVerifier::SessionId(std::string_view name) {
  std::string id(name);
  id.resize(16, '.');
  return id;
}

std::optional<v1::SyncWelcome> TestVerifier::SayHello(const v1::SyncHello& hello) {
  v1::SyncRequest request;
  *request.mutable_hello() = hello;
  if (!Send(request)) return std::nullopt;
  const std::optional<v1::SyncResponse> response = Read();
  if (!response.has_value() || !response->has_welcome()) return std::nullopt;
  return response->welcome();
}

std::optional<v1::SyncWelcome> TestVerifier::SayHello(std::string_view name) {
  v1::SyncHello hello;
  hello.set_session_id(SessionId(name));
  hello.set_client(std::string(name));
  return SayHello(hello);
}

bool TestVerifier::Beat(uint64_t acked_revision) {
  v1::SyncRequest request;
  request.mutable_beat()->set_beat_id(++beat_id_);
  request.mutable_beat()->set_acked_revision(acked_revision);
  return Send(request);
}

bool TestVerifier::Report(uint64_t acked_revision, const std::vector<v1::KeyUsage>& usage) {
  v1::SyncRequest request;
  request.mutable_beat()->set_beat_id(++beat_id_);
  request.mutable_beat()->set_acked_revision(acked_revision);
  request.mutable_beat()->mutable_usage()->Assign(usage.begin(), usage.end());
  return Send(request);
}

grpc::Status TestVerifier::Leave() {
  stream_->WritesDone();
  return End();
}

std::optional<v1::SyncResponse> TestVerifier::Read() {
  v1::SyncResponse response;
  if (!stream_->Read(&response)) return std::nullopt;
  return response;
}

bool TestVerifier::GetLease(uint64_t acked_revision) {
  if (!Beat(acked_revision)) return false;
  while (const std::optional<v1::SyncResponse> response = Read()) {
    if (response->has_grant() && response->grant().beat_id() == beat_id_) return true;
  }
  return false;
}

grpc::Status TestVerifier::End() {
  if (!ended_.has_value()) {
    while (Read().has_value()) {
    }
    ended_ = stream_->Finish();
  }
  return *ended_;
}

}  // namespace claviger
