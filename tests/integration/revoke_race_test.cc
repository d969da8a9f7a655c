// The second sentence of the product: when RevokeKey has returned, nobody accepts the key.

#include <atomic>
#include <thread>

#include "tests/integration/server_test.h"

namespace claviger {
namespace {

constexpr int kRounds = 12;
constexpr int kThreads = 8;

class RevokeRaceTest : public ServerTest {
 protected:
  // Checks `key` without pause in several threads while `change` takes it away. No check that began
  // after `change` returned may accept.
  template <typename Change>
  void ExpectNoAcceptanceAfter(const v1::VerifyRequest& check, const Change& change) {
    std::atomic<bool> returned = false;
    std::atomic<int> accepted = 0;
    std::atomic<int> accepted_late = 0;
    std::vector<std::jthread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&, caller = root()] {
        for (int late = 0; late < 20;) {
          const bool after = returned.load();
          const auto answer = caller.Call(check);
          if (!answer.ok()) {
            ADD_FAILURE() << answer.status.error_message();
            return;
          }
          if (answer->valid()) ++(after ? accepted_late : accepted);
          if (after) ++late;
        }
      });
    }
    // Not before the checks are really running.
    while (accepted.load() < kThreads) std::this_thread::yield();
    change();
    returned = true;
    threads.clear();
    EXPECT_EQ(accepted_late, 0);
  }
};

TEST_F(RevokeRaceTest, NoCheckThatBeganAfterRevokeReturnedAccepts) {
  for (int round = 0; round < kRounds; ++round) {
    const IssuedKey key = Issue();
    ExpectNoAcceptanceAfter(CheckOf(key.key()), [&] { Revoke(key.info().key_id()); });
  }
}

TEST_F(RevokeRaceTest, NoCheckThatBeganAfterDisableReturnedAccepts) {
  for (int round = 0; round < kRounds; ++round) {
    const IssuedKey key = Issue();
    ExpectNoAcceptanceAfter(CheckOf(key.key()), [&] { Disable(key.info().key_id()); });
  }
}

TEST_F(RevokeRaceTest, NoCheckThatBeganAfterScopesWereTakenAccepts) {
  for (int round = 0; round < kRounds; ++round) {
    const IssuedKey key = Issue("default", {"a"});
    ExpectNoAcceptanceAfter(CheckOf(key.key(), {"a"}), [&] {
      v1::UpdateScopesRequest request;
      request.set_key_id(key.info().key_id());
      request.add_remove("a");
      EXPECT_THAT(root().Call(request), IsOk());
    });
  }
}

TEST_F(RevokeRaceTest, ARevokedCallerIsRefusedAtItsNextCall) {
  for (int round = 0; round < kRounds; ++round) {
    const IssuedKey key = IssueManagementKey({"keys.read"});
    const TestCaller caller = server_.As(key.key());
    ASSERT_THAT(caller.Call(v1::ListKeysRequest()), IsOk());
    Revoke(key.info().key_id());
    EXPECT_THAT(caller.Call(v1::ListKeysRequest()),
                IsError(StatusCode::UNAUTHENTICATED, "CREDENTIAL_INVALID"));
  }
}

}  // namespace
}  // namespace claviger
