// The whole server: any bytes as any request, by callers of all kinds, over a real connection.
//
// An input is a byte for the method, a byte for the caller, and the request. In it
// `00FuzzFuzzFuzz01` stands for the id of a key that is there, and `clv_live_00FuzzFuzzFuzz01_` and
// 49 times `0` for its text: they are replaced by others of the same length before they are sent.
// What inputs change stays for those behind them.
#include <string>
#include <string_view>
#include <vector>

#include "claviger/v1/audit.pb.h"
#include "claviger/v1/key_authority.pb.h"
#include "claviger/v1/project.pb.h"
#include "claviger/v1/usage.pb.h"
#include "claviger/v1/verifier.pb.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/fuzzed_server.h"

namespace claviger {
namespace {

using fuzz::FuzzedServer;

constexpr std::string_view kIdInInput = "00FuzzFuzzFuzz01";

const std::string& KeyInInput() {
  static const std::string& text =
      *new std::string("clv_live_" + std::string(kIdInInput) + "_" + std::string(49, '0'));
  return text;
}

void ReplaceAll(std::string& text, std::string_view from, std::string_view to) {
  FUZZ_CHECK(from.size() == to.size());
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, to.size(), to);
  }
}

// Every method, by its path. New ones go to the end: inputs name them by their place.
const std::vector<std::string>& Methods() {
  static const auto& methods = *new std::vector<std::string>([] {
    std::vector<std::string> paths;
    for (const char* name : {"KeyAuthority", "Projects", "Verifier", "AuditLog", "Usage"}) {
      const auto* service = google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(
          std::string("claviger.v1.") + name);
      FUZZ_CHECK(service != nullptr);
      for (int i = 0; i < service->method_count(); ++i) {
        if (service->method(i)->client_streaming() || service->method(i)->server_streaming()) {
          continue;
        }
        paths.push_back("/" + service->full_name() + "/" + service->method(i)->name());
      }
    }
    paths.emplace_back("/claviger.v1.KeyAuthority/Nothing");
    return paths;
  }());
  return methods;
}

// What is known of the server from the inputs before, so that not every input has to ask.
struct Before {
  bool changed = true;  // since `last_change` was asked for
  uint64_t last_change = 0;
};

Before& TheBefore() {
  static Before before;
  return before;
}

// The newest change that is not the record of a refused call, or what the server did by itself.
uint64_t LastChange(const FuzzedServer& server) {
  v1::ListAuditEventsRequest request;
  request.set_page_size(50);
  while (true) {
    const auto page = server.Root().Call(request);
    FUZZ_CHECK(page.ok());
    for (const v1::AuditEvent& event : page->events()) {
      if (event.refusal().empty() && event.actor() != "system") return event.revision();
    }
    FUZZ_CHECK(!page->next_page_token().empty());
    request.set_page_token(page->next_page_token());
  }
}

void CheckRefused(const grpc::Status& status, const std::vector<std::string>& secrets) {
  const RpcError error = ErrorOf(status);
  FUZZ_CHECK(error.domain == "claviger");
  FUZZ_CHECK(!error.reason.empty() && error.reason != "UNKNOWN" && error.reason != "INTERNAL");
  FUZZ_CHECK(!error.message.empty());
  FUZZ_CHECK(error.code != grpc::StatusCode::UNKNOWN && error.code != grpc::StatusCode::INTERNAL &&
             error.code != grpc::StatusCode::DATA_LOSS);
  const std::string all = BytesOf(status);
  for (const std::string& secret : secrets) FUZZ_CHECK(all.find(secret) == std::string::npos);
}

}  // namespace
}  // namespace claviger

FUZZ_TARGET(service) {
  using namespace claviger;  // NOLINT(google-build-using-namespace)
  fuzz::Parts parts(input);
  const std::string& method = Methods()[parts.Byte() % Methods().size()];
  const uint8_t who = parts.Byte();
  FuzzedServer& server = FuzzedServer::Get();
  Before& known = TheBefore();
  if (server.BeginInput(/*may_be_spoiled=*/known.changed)) known.changed = true;
  const v1::IssueKeyResponse& key = server.LiveKey();
  std::string request(parts.Rest());
  ReplaceAll(request, KeyInInput(), key.key());
  ReplaceAll(request, kIdInInput, key.info().key_id());

  const TestCaller caller = server.CallerOf(who);
  if (known.changed) known.last_change = LastChange(server);
  const grpc::Status status = caller.CallBytes(method, request).status;
  known.changed = status.ok();
  if (status.ok()) {
    FUZZ_CHECK(server.CallerMay(who));
    return;
  }
  CheckRefused(status, {key.key(), server.root_key()});
  FUZZ_CHECK(LastChange(server) == known.last_change);
}
