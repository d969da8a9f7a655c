// The real server in this process, on ports that the system chooses, over a folder of its own.
//
//   TestServer server;
//   ASSERT_EQ(server.Start(), absl::OkStatus());
//   EXPECT_THAT(server.Root().Call(v1::ListKeysRequest()), IsOk());
#ifndef CLAVIGER_TESTS_SUPPORT_TEST_SERVER_H_
#define CLAVIGER_TESTS_SUPPORT_TEST_SERVER_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "core/platform/system_random.h"
#include "grpcpp/channel.h"
#include "grpcpp/security/credentials.h"
#include "server/config/server_config.h"
#include "tests/support/fake_clock.h"
#include "tests/support/temp_dir.h"
#include "tests/support/test_caller.h"

namespace claviger {

class App;

// Thread safety: `Root`, `As` and `Anonymous` from any thread while the server runs; all else from
// one.
class TestServer {
 public:
  // As with `--dev`, on a clock that stands still at 2030-01-01.
  TestServer();
  // Stops.
  ~TestServer();

  // Takes effect at the next Start.
  ServerConfig& config() { return config_; }
  FakeClock& clock() { return clock_; }
  const TempDir& dir() const { return dir_; }
  std::string data_dir() const { return config_.store.data_dir.string(); }

  // Begins to serve. The error is the one that clavigerd would end with.
  absl::Status Start();
  void Stop();
  // Takes over what can change while serving, as on SIGHUP.
  void Reload();

  const std::string& grpc_address() const;
  const std::string& http_address() const;
  // The body of `path` on the HTTP port; empty when there is no answer.
  std::string HttpGet(const std::string& path) const;

  // A new connection, for other credentials than those of a plaintext client.
  std::shared_ptr<grpc::Channel> NewChannel(
      const std::shared_ptr<grpc::ChannelCredentials>& credentials) const;
  TestCaller As(std::string_view key) const { return {channel_, key}; }
  TestCaller Root() const { return As(root_key_); }
  TestCaller Anonymous() const { return As(""); }
  // What the first start wrote to root.key.
  const std::string& root_key() const { return root_key_; }

  // Every line that this process logged since the first TestServer was made, from level debug.
  static std::vector<std::string> LogLines();

 private:
  TempDir dir_;
  FakeClock clock_;
  SystemRandom random_;
  ServerConfig config_;
  std::unique_ptr<App> app_;
  std::shared_ptr<grpc::Channel> channel_;
  std::string root_key_;
};

// All bytes of a file; a failure of the test when there is none.
std::string ReadFile(const std::string& path);

}  // namespace claviger

#endif  // CLAVIGER_TESTS_SUPPORT_TEST_SERVER_H_
