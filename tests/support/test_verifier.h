// A caching verifier by hand: one Sync stream, whose messages the test sends and reads one by one.
//
//   TestVerifier verifier(server.NewChannel(grpc::InsecureChannelCredentials()), key);
//   ASSERT_TRUE(verifier.SayHello().has_value());
//   ASSERT_TRUE(verifier.GetLease());
#ifndef CLAVIGER_TESTS_SUPPORT_TEST_VERIFIER_H_
#define CLAVIGER_TESTS_SUPPORT_TEST_VERIFIER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "claviger/v1/verifier.grpc.pb.h"
#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"

namespace claviger {

// A call that takes longer than 20 s ends, so that a server that hangs fails the test.
//
// Thread safety: none.
class TestVerifier {
 public:
  // Opens a stream that shows `key`.
  TestVerifier(const std::shared_ptr<grpc::Channel>& channel, std::string_view key);
  // Cuts the stream.
  ~TestVerifier();
  TestVerifier(const TestVerifier&) = delete;
  TestVerifier& operator=(const TestVerifier&) = delete;

  // 16 bytes, another set for each `name`.
  static std::string SessionId(std::string_view name);

  // False: the stream has ended.
  bool Send(const v1::SyncRequest& request) { return stream_->Write(request); }
  // Sends Hello and reads Welcome; nullopt: the stream ended instead.
  std::optional<v1::SyncWelcome> SayHello(const v1::SyncHello& hello);
  // As session `name`, for the first time.
  std::optional<v1::SyncWelcome> SayHello(std::string_view name = "verifier");
  // Sends the next Beat.
  bool Beat(uint64_t acked_revision);
  // Sends the next Beat with reports of usage.
  bool Report(uint64_t acked_revision, const std::vector<v1::KeyUsage>& usage);
  // Says that nothing more comes; OK once the server has read all that was sent.
  grpc::Status Leave();
  // The next message; nullopt: the stream has ended.
  std::optional<v1::SyncResponse> Read();
  // Sends a Beat and reads up to its Grant. False: the stream ended.
  bool GetLease(uint64_t acked_revision);

  // Reads to the end of the stream.
  grpc::Status End();
  // Ends the stream at once, as when the network is gone.
  void Cut() { context_.TryCancel(); }

 private:
  const std::unique_ptr<v1::Verifier::Stub> stub_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::SyncRequest, v1::SyncResponse>> stream_;
  uint64_t beat_id_ = 0;
  std::optional<grpc::Status> ended_;
};

}  // namespace claviger

#endif  // CLAVIGER_TESTS_SUPPORT_TEST_VERIFIER_H_
