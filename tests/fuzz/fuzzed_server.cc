#include "tests/fuzz/fuzzed_server.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

#include "claviger/v1/verifier.pb.h"
#include "grpcpp/completion_queue.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/generic/generic_stub.h"
#include "server/app/bootstrap.h"
#include "server/logging/library_hooks.h"
#include "server/logging/log.h"
#include "tests/fuzz/fuzz.h"

namespace claviger::fuzz {
namespace {

constexpr uint8_t kCallers = 7;
// The first of these numbers of callers may call something.
constexpr uint8_t kCallersThatMay = 3;

grpc::ByteBuffer BufferOf(const std::string& bytes) {
  const grpc::Slice slice(bytes);
  return {&slice, 1};
}

std::string Flatten(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  FUZZ_CHECK(buffer.Dump(&slices).ok());
  std::string bytes;
  for (const grpc::Slice& slice : slices) {
    bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return bytes;
}

// The next event of the queue, which is of the only operation that is under way.
bool NextOk(grpc::CompletionQueue& queue) {
  void* tag = nullptr;
  bool ok = false;
  FUZZ_CHECK(queue.Next(&tag, &ok));
  return ok;
}

}  // namespace

FuzzedServer& FuzzedServer::Get() {
  static FuzzedServer& server = *[] {
    auto* made = new FuzzedServer();
    std::atexit([] { Get().Stop(); });
    return made;
  }();
  return server;
}

bool FuzzedServer::BeginInput(bool may_be_spoiled) {
  constexpr int kInputsOfOneServer = 5000;
  const bool is_old = ++inputs_ % kInputsOfOneServer == 0;
  if (!is_old && !may_be_spoiled) return false;
  if (!is_old && IsGood(live_key_.key()) && IsGood(verifier_key_) && IsGood(bound_key_)) {
    return false;
  }
  if (!is_old && IssueAll()) return true;
  Stop();
  Start();
  return true;
}

void FuzzedServer::Stop() {
  channel_.reset();
  app_.reset();
  std::filesystem::remove_all(folder_);
}

void FuzzedServer::Start() {
  folder_ = (std::filesystem::temp_directory_path() / "claviger-fuzz-XXXXXX").string();
  FUZZ_CHECK(mkdtemp(folder_.data()) != nullptr);
  log::InitWithSink({.level = log::Level::kError},
                    [](std::string_view line) { FUZZ_CHECK(line.find("_live_") == line.npos); });
  log::InstallLibraryHooks(clock_);
  ServerConfig config;
  config.dev = true;
  config.listen.grpc = *ListenAddress::Parse("127.0.0.1:0");
  config.listen.http.reset();
  config.store.data_dir = folder_ + "/data";
  config.store.memory_bytes = uint64_t{64} << 20;
  config.log.level = log::Level::kError;
  config.ApplyMode();
  FUZZ_CHECK(config.Validate().ok());
  auto app = App::Start(config, clock_, random_);
  FUZZ_CHECK(app.ok());
  app_ = *std::move(app);
  std::ifstream file(folder_ + "/data/" + kRootKeyFile, std::ios::binary);
  root_key_.assign(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  while (root_key_.ends_with('\n')) root_key_.pop_back();
  FUZZ_CHECK(!root_key_.empty());
  channel_ = grpc::CreateChannel(app_->grpc_address(), grpc::InsecureChannelCredentials());
  FUZZ_CHECK(IssueAll());
}

std::optional<v1::IssueKeyResponse> FuzzedServer::Issue(const std::string& project_id,
                                                        const std::vector<std::string>& scopes,
                                                        const std::vector<std::string>& bound_to) {
  v1::IssueKeyRequest request;
  request.set_project_id(project_id);
  request.set_display_name("fuzz");
  for (const std::string& scope : scopes) request.add_scopes(scope);
  for (const std::string& id : bound_to) request.add_bound_project_ids(id);
  auto issued = Root().Call(request);
  if (!issued.ok()) return std::nullopt;
  return std::move(issued.answer);
}

bool FuzzedServer::IssueAll() {
  const auto live = Issue("default", {"orders:read"});
  const auto verifier = Issue("claviger", {"keys.verify"});
  const auto bound = Issue("claviger", {"keys.issue", "keys.read", "audit.read"}, {"default"});
  if (!live.has_value() || !verifier.has_value() || !bound.has_value()) return false;
  live_key_ = *live;
  verifier_key_ = verifier->key();
  bound_key_ = bound->key();
  return true;
}

bool FuzzedServer::IsGood(const std::string& raw_key) {
  v1::VerifyRequest request;
  request.set_key(raw_key);
  const auto verified = Root().Call(request);
  FUZZ_CHECK(verified.ok());
  return verified->valid();
}

TestCaller FuzzedServer::CallerOf(uint8_t number) const {
  switch (number % kCallers) {
    case 0:
      return Root();
    case 1:
      return {channel_, verifier_key_};
    case 2:
      return {channel_, bound_key_};
    case 3:
      return {channel_, LiveKey().key()};
    case 4:
      return {channel_, ""};
    case 5:
      return Root().WithHeader("Bearer " + root_key_ + "0");
    default:
      return Root().WithHeader("Basic cm9vdDpyb290");
  }
}

bool FuzzedServer::CallerMay(uint8_t number) {
  // A key without permissions may still revoke itself.
  return number % kCallers <= kCallersThatMay;
}

EndedStream FuzzedServer::Stream(const std::string& method,
                                 const std::vector<std::string>& messages) {
  grpc::ClientContext context;
  context.AddMetadata("authorization", "Bearer " + verifier_key_);
  // So that a server that hangs fails.
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
  grpc::GenericStub stub(channel_);
  grpc::CompletionQueue queue;
  EndedStream ended;
  const auto call = stub.PrepareCall(&context, method, &queue);
  call->StartCall(nullptr);
  bool open = NextOk(queue);
  for (size_t i = 0; i < messages.size() && open; ++i) {
    call->Write(BufferOf(messages[i]), nullptr);
    open = NextOk(queue);
  }
  if (open) {
    call->WritesDone(nullptr);
    NextOk(queue);
  }
  while (true) {
    grpc::ByteBuffer answer;
    call->Read(&answer, nullptr);
    if (!NextOk(queue)) break;
    ended.answers.push_back(Flatten(answer));
  }
  call->Finish(&ended.status, nullptr);
  NextOk(queue);
  queue.Shutdown();
  void* tag = nullptr;
  bool ok = false;
  while (queue.Next(&tag, &ok)) continue;
  return ended;
}

}  // namespace claviger::fuzz
