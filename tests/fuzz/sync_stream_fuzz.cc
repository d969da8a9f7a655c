// The Sync stream: any messages in any order, by a verifier that may open one. An input is
// messages, each behind its length in two bytes.
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "claviger/v1/verifier.pb.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/fuzzed_server.h"

namespace claviger {
namespace {

std::vector<std::string> MessagesOf(std::string_view input) {
  std::vector<std::string> messages;
  while (input.size() >= 2 && messages.size() < 8) {
    const size_t size =
        static_cast<unsigned char>(input[0]) * 256U + static_cast<unsigned char>(input[1]);
    messages.emplace_back(input.substr(2, size));
    input.remove_prefix(std::min(input.size(), 2 + size));
  }
  return messages;
}

}  // namespace
}  // namespace claviger

FUZZ_TARGET(sync_stream) {
  using namespace claviger;  // NOLINT(google-build-using-namespace)
  const std::vector<std::string> messages = MessagesOf(input);
  fuzz::FuzzedServer& server = fuzz::FuzzedServer::Get();
  server.BeginInput(/*may_be_spoiled=*/false);
  const fuzz::EndedStream ended = server.Stream("/claviger.v1.Verifier/Sync", messages);
  // What the server says on the stream is what a verifier can read.
  for (const std::string& answer : ended.answers) {
    v1::SyncResponse response;
    FUZZ_CHECK(response.ParseFromString(answer));
    FUZZ_CHECK(response.message_case() != v1::SyncResponse::MESSAGE_NOT_SET);
  }
  if (ended.status.ok()) return;
  const RpcError error = ErrorOf(ended.status);
  FUZZ_CHECK(error.domain == "claviger");
  FUZZ_CHECK(!error.reason.empty() && error.reason != "UNKNOWN" && error.reason != "INTERNAL");
  FUZZ_CHECK(error.code == grpc::StatusCode::INVALID_ARGUMENT);
}
