// The fixture of tests of the client over a running server.
#ifndef CLAVIGER_TESTS_INTEGRATION_CLIENT_TEST_H_
#define CLAVIGER_TESTS_INTEGRATION_CLIENT_TEST_H_

#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "claviger/client.h"
#include "client/src/core.h"
#include "core/platform/system_random.h"
#include "tests/integration/server_test.h"

namespace claviger {

// Long enough for anything that works, and then a failure instead of a test that hangs.
inline constexpr absl::Duration kPatience = absl::Seconds(20);

// Waits for a lease after the first.
class LeaseObserver final : public ClientObserver {
 public:
  void OnLeaseGained() override {
    if (++gained_ == 2) again_.Notify();
  }
  bool WaitForAnother() const { return again_.WaitForNotificationWithTimeout(kPatience); }

 private:
  int gained_ = 0;  // the client's thread alone
  absl::Notification again_;
};

class ClientTest : public ServerTest {
 protected:
  // For the server of this test.
  ClientOptions Options() {
    ClientOptions options;
    options.endpoints = {server_.grpc_address()};
    options.key = SecretString(std::string(server_.root_key()));
    options.plaintext = true;
    options.check_timeout = kPatience;
    return options;
  }

  // A client that holds a lease.
  std::unique_ptr<Client> Connect(ClientOptions options) {
    absl::StatusOr<std::unique_ptr<Client>> client = Client::Create(std::move(options));
    EXPECT_EQ(client.status(), absl::OkStatus());
    if (!client.ok()) return nullptr;
    EXPECT_TRUE((*client)->WaitForLease(kPatience)) << (*client)->state().last_error;
    return *std::move(client);
  }
  std::unique_ptr<Client> Connect() { return Connect(Options()); }

  // The same on the server's clock, which stands still.
  std::shared_ptr<client::Core> ConnectOnServersClock(ClientOptions options) {
    absl::StatusOr<std::shared_ptr<client::Core>> core =
        client::Core::Create(std::move(options), server_.clock(), random_);
    EXPECT_EQ(core.status(), absl::OkStatus());
    if (!core.ok()) return nullptr;
    EXPECT_TRUE((*core)->WaitForLease(kPatience)) << (*core)->state().last_error;
    return *std::move(core);
  }

  // Does `work` while the server's clock runs, fast: for what waits for that clock.
  void WhileTimePasses(absl::AnyInvocable<void()> work) {
    absl::Notification done;
    std::thread worker([&] {
      work();
      done.Notify();
    });
    while (!done.WaitForNotificationWithTimeout(absl::Milliseconds(1))) {
      server_.clock().Advance(absl::Milliseconds(10));
    }
    worker.join();
  }

  SystemRandom random_;
};

}  // namespace claviger

#endif  // CLAVIGER_TESTS_INTEGRATION_CLIENT_TEST_H_
