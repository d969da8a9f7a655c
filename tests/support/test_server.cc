#include "tests/support/test_server.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/numbers.h"
#include "absl/synchronization/mutex.h"
#include "fmt/format.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/support/channel_arguments.h"
#include "server/app/app.h"
#include "server/app/bootstrap.h"
#include "server/logging/library_hooks.h"
#include "server/logging/log.h"

namespace claviger {
namespace {

// Collects what the process logs. Made once: a sink must not change while a server runs.
class CapturedLog {
 public:
  static CapturedLog& Get() {
    static CapturedLog& log = *new CapturedLog();
    return log;
  }

  std::vector<std::string> lines() const {
    absl::MutexLock lock(&mutex_);
    return lines_;
  }

 private:
  CapturedLog() {
    log::InitWithSink({.level = log::Level::kDebug}, [this](std::string_view line) {
      absl::MutexLock lock(&mutex_);
      lines_.emplace_back(line);
    });
    log::InstallLibraryHooks(clock_);
  }

  const FakeClock clock_;
  mutable absl::Mutex mutex_;
  std::vector<std::string> lines_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

TestServer::TestServer() {
  CapturedLog::Get();
  config_.dev = true;
  config_.listen.grpc = *ListenAddress::Parse("127.0.0.1:0");
  config_.listen.http = ListenAddress::Parse("127.0.0.1:0");
  config_.store.data_dir = dir_.Join("data");
  config_.store.memory_bytes = uint64_t{64} << 20;
  config_.store.disk_reserve_bytes = uint64_t{64} << 20;
  config_.log.level = log::Level::kDebug;
  config_.ApplyMode();
}

TestServer::~TestServer() { Stop(); }

absl::Status TestServer::Start() {
  if (absl::Status s = config_.Validate(); !s.ok()) return s;
  absl::StatusOr<std::unique_ptr<App>> app = App::Start(config_, clock_, random_);
  if (!app.ok()) return app.status();
  app_ = *std::move(app);
  root_key_ = ReadFile(data_dir() + "/" + kRootKeyFile);
  channel_ = NewChannel(grpc::InsecureChannelCredentials());
  return absl::OkStatus();
}

void TestServer::Stop() {
  channel_.reset();
  app_.reset();
}

void TestServer::Reload() { app_->Reload(config_); }

const std::string& TestServer::grpc_address() const { return app_->grpc_address(); }
const std::string& TestServer::http_address() const { return app_->http_address(); }

std::string TestServer::HttpGet(const std::string& path) const {
  const std::string& where = http_address();
  int port = 0;
  if (!absl::SimpleAtoi(where.substr(where.rfind(':') + 1), &port)) return {};
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const std::string request = fmt::format("GET {} HTTP/1.0\r\n\r\n", path);
  std::string answer;
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
      write(fd, request.data(), request.size()) == static_cast<ssize_t>(request.size())) {
    char buffer[4096];
    for (ssize_t n = 0; (n = read(fd, buffer, sizeof buffer)) > 0;) {
      answer.append(buffer, static_cast<size_t>(n));
    }
  }
  close(fd);
  const size_t body = answer.find("\r\n\r\n");
  return body == std::string::npos ? std::string() : answer.substr(body + 4);
}

std::shared_ptr<grpc::Channel> TestServer::NewChannel(
    const std::shared_ptr<grpc::ChannelCredentials>& credentials) const {
  grpc::ChannelArguments arguments;
  // A connection of its own: not one, or its back-off, from a server that had the port before.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(grpc_address(), credentials, arguments);
}

std::vector<std::string> TestServer::LogLines() { return CapturedLog::Get().lines(); }

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.good()) << path;
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

}  // namespace claviger
