// Calls without an end of their own, and the end of the server.

#include <unistd.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "tests/integration/server_test.h"
#include "tests/support/own_allocator.h"

namespace claviger {
namespace {

class StopTest : public ServerTest {};

// Resident memory of this process, in bytes.
int64_t ResidentBytes() {
  std::ifstream statm("/proc/self/statm");
  int64_t pages = 0;
  statm >> pages >> pages;
  return pages * sysconf(_SC_PAGESIZE);
}

TEST_F(StopTest, ACallWithoutDeadlineIsAnswered) {
  const TestCaller patient = root().WithDeadline(std::nullopt);
  EXPECT_THAT(patient.Call(NewKey()), IsOk());
  EXPECT_THAT(patient.Call(v1::ListKeysRequest()), IsOk());
  EXPECT_THAT(patient.Call(CheckOf("x")), IsOk());
}

TEST_F(StopTest, ACallWithoutDeadlineLeavesNoMemoryBehind) {
  if (kSanitizersAllocator) GTEST_SKIP() << "a sanitizer's allocator keeps what was freed";
  const TestCaller patient = root().WithDeadline(std::nullopt);
  v1::IssueKeyRequest request = NewKey();
  request.set_validate_only(true);
  for (int i = 0; i < 250; ++i) request.add_scopes(std::string(64, 'a') + ":" + std::to_string(i));
  const auto calls = [&](int count) {
    for (int i = 0; i < count; ++i) ASSERT_THAT(patient.Call(request), IsOk());
  };
  calls(200);
  const int64_t before = ResidentBytes();
  calls(4000);
  // One request is more than 20 KiB: kept, they would be more than 80 MiB.
  EXPECT_LT(ResidentBytes() - before, int64_t{40} << 20);
}

TEST_F(StopTest, ADeadlineThatPassedIsDeadlineExceeded) {
  const TestCaller late = root().WithDeadline(-absl::Seconds(1));
  const auto before = Written();
  EXPECT_EQ(late.Call(NewKey()).status.error_code(), StatusCode::DEADLINE_EXCEEDED);
  EXPECT_EQ(Written(), before);
}

TEST_F(StopTest, CallsInFlightAreAnsweredOrRefusedWhenTheServerStops) {
  for (int round = 0; round < 3; ++round) {
    std::atomic<int> answered = 0;
    std::vector<std::vector<std::string>> issued(8);
    std::vector<std::jthread> threads;
    for (std::vector<std::string>& keys : issued) {
      threads.emplace_back([&, caller = root()] {
        for (;;) {
          const auto outcome = caller.Call(NewKey());
          if (!outcome.ok()) {
            EXPECT_THAT(outcome.status.error_code(),
                        testing::AnyOf(StatusCode::UNAVAILABLE, StatusCode::CANCELLED))
                << outcome.status.error_message();
            return;
          }
          keys.push_back(outcome->key());
          ++answered;
        }
      });
    }
    while (answered < 50) std::this_thread::yield();
    server_.Stop();
    threads.clear();
    ASSERT_EQ(server_.Start(), absl::OkStatus());
    for (const auto& keys : issued) {
      for (const std::string& key : keys) EXPECT_EQ(CodeOf(key), v1::VERIFY_CODE_VALID);
    }
  }
}

TEST_F(StopTest, ListsInFlightDoNotHangTheStop) {
  for (int i = 0; i < 200; ++i) Issue();
  std::atomic<int> answered = 0;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, caller = root().WithDeadline(std::nullopt)] {
      v1::ListKeysRequest request;
      request.set_order_by("name");
      request.set_page_size(1000);
      while (caller.Call(request).ok()) ++answered;
    });
  }
  while (answered < 20) std::this_thread::yield();
  server_.Stop();
}

TEST_F(StopTest, AServerThatWasStoppedAnswersNobody) {
  const TestCaller caller = root();
  ASSERT_THAT(caller.Call(v1::ListKeysRequest()), IsOk());
  server_.Stop();
  EXPECT_EQ(caller.Call(v1::ListKeysRequest()).status.error_code(), StatusCode::UNAVAILABLE);
}

TEST_F(StopTest, HttpAnswersWhileTheServerRuns) {
  EXPECT_THAT(server_.HttpGet("/healthz"), testing::Not(testing::IsEmpty()));
  EXPECT_THAT(server_.HttpGet("/readyz"), testing::Not(testing::IsEmpty()));
  CodeOf("garbage");
  EXPECT_THAT(server_.HttpGet("/metrics"),
              testing::HasSubstr("claviger_verify_total{code=\"not_found\"}"));
}

}  // namespace
}  // namespace claviger
