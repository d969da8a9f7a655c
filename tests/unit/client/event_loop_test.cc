#include "client/src/event_loop.h"

#include <thread>
#include <vector>

#include "absl/synchronization/notification.h"
#include "core/platform/system_clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/fake_clock.h"

namespace claviger::client {
namespace {

using ::testing::ElementsAre;

class EventLoopTest : public ::testing::Test {
 protected:
  void Start() {
    thread_ = std::thread([this] { loop_.Run(); });
  }
  void Stop() {
    loop_.Stop();
    if (thread_.joinable()) thread_.join();
  }
  ~EventLoopTest() override { Stop(); }

  // Runs `task` on the loop's thread and waits for its end.
  void RunOnLoop(Scheduler::Task task) {
    absl::Notification done;
    ASSERT_TRUE(loop_.Post([&] {
      task();
      done.Notify();
    }));
    done.WaitForNotification();
  }

  FakeClock clock_;
  EventLoop loop_{clock_};
  std::thread thread_;
};

TEST_F(EventLoopTest, RunsWhatIsPostedInOrderOnItsThread) {
  std::vector<int> ran;
  bool on_loop = false;
  loop_.Post([&] { ran.push_back(1); });
  Start();
  loop_.Post([&] { ran.push_back(2); });
  RunOnLoop([&] {
    ran.push_back(3);
    on_loop = loop_.OnLoopThread();
  });
  EXPECT_THAT(ran, ElementsAre(1, 2, 3));
  EXPECT_TRUE(on_loop);
  EXPECT_FALSE(loop_.OnLoopThread());
}

TEST_F(EventLoopTest, RunsTimersInTheOrderOfTheirTimes) {
  Start();
  std::vector<int> ran;
  const absl::Duration now = clock_.SinceBoot();
  RunOnLoop([&] {
    loop_.CallAt(now + absl::Seconds(20), [&] { ran.push_back(20); });
    loop_.CallAt(now + absl::Seconds(10), [&] { ran.push_back(10); });
    loop_.CallAt(now + absl::Seconds(30), [&] { ran.push_back(30); });
    loop_.Cancel(loop_.CallAt(now + absl::Seconds(15), [&] { ran.push_back(15); }));
  });
  clock_.Advance(absl::Seconds(20));
  // The first wakes the loop up, which then looks at the clock before it runs another.
  RunOnLoop([] {});
  RunOnLoop([&] { EXPECT_THAT(ran, ElementsAre(10, 20)); });
  Stop();  // runs the timer that is left
}

TEST_F(EventLoopTest, TimersThatAreLeftRunAsItEnds) {
  Start();
  bool ran = false;
  RunOnLoop([&] { loop_.CallAt(clock_.SinceBoot() + absl::Hours(1), [&] { ran = true; }); });
  Stop();
  EXPECT_TRUE(ran);
}

TEST_F(EventLoopTest, WakesUpByItselfForATimer) {
  const SystemClock clock;
  EventLoop loop(clock);
  absl::Notification rang;
  loop.Post(
      [&] { loop.CallAt(clock.SinceBoot() + absl::Milliseconds(5), [&] { rang.Notify(); }); });
  std::thread thread([&] { loop.Run(); });
  rang.WaitForNotification();
  loop.Stop();
  thread.join();
}

TEST_F(EventLoopTest, NothingStartsOnceItIsStopped) {
  Start();
  Stop();
  EXPECT_FALSE(loop_.Post([] { ADD_FAILURE() << "ran"; }));
  EXPECT_FALSE(loop_.StartOperation([] { ADD_FAILURE() << "started"; }));
}

TEST_F(EventLoopTest, WhatWasPostedBeforeTheEndIsRun) {
  Start();
  for (int i = 0; i < 100; ++i) {
    EventLoop loop(clock_);
    bool ran = false;
    std::thread thread([&] { loop.Run(); });
    const bool posted = loop.Post([&] { ran = true; });
    loop.Stop();
    thread.join();
    EXPECT_EQ(ran, posted);
  }
}

}  // namespace
}  // namespace claviger::client
