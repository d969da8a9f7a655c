#include "server/rpc/worker_pool.h"

#include <atomic>
#include <memory>

#include "absl/synchronization/blocking_counter.h"
#include "absl/synchronization/notification.h"
#include "core/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace claviger {
namespace {

TEST(WorkerPoolTest, RunsEachTaskOnce) {
  constexpr int kTasks = 100;
  std::atomic<int> runs = 0;
  {
    WorkerPool pool(4, kTasks);
    for (int i = 0; i < kTasks; ++i) EXPECT_EQ(pool.Run([&] { ++runs; }), absl::OkStatus());
  }
  EXPECT_EQ(runs, kTasks);
}

TEST(WorkerPoolTest, RunsAsManyAtOnceAsItHasThreads) {
  WorkerPool pool(3, 10);
  absl::BlockingCounter all_run(3);
  absl::Notification done;
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(pool.Run([&] {
      // Ends only when the two others run as well.
      if (all_run.DecrementCount()) done.Notify();
      done.WaitForNotification();
    }),
              absl::OkStatus());
  }
  all_run.Wait();
}

TEST(WorkerPoolTest, OneTooManyIsRefusedAndDropped) {
  absl::Notification begun;
  absl::Notification may_end;
  int runs = 0;
  auto captured = std::make_shared<int>(0);
  {
    WorkerPool pool(1, 2);
    ASSERT_EQ(pool.Run([&] {
      begun.Notify();
      may_end.WaitForNotification();
    }),
              absl::OkStatus());
    begun.WaitForNotification();
    EXPECT_EQ(pool.Run([&] { ++runs; }), absl::OkStatus());
    EXPECT_EQ(pool.Run([&] { ++runs; }), absl::OkStatus());
    const absl::Status refused = pool.Run([&runs, captured] { ++runs; });
    EXPECT_EQ(refused.code(), absl::StatusCode::kUnavailable);
    EXPECT_EQ(DetailsOf(refused).reason, Reason::kOverloaded);
    EXPECT_EQ(captured.use_count(), 1);
    may_end.Notify();
  }
  EXPECT_EQ(runs, 2);
}

TEST(WorkerPoolTest, WhatWaitsIsFinishedAtTheEnd) {
  std::atomic<int> runs = 0;
  absl::Notification may_begin;
  {
    WorkerPool pool(1, 50);
    ASSERT_EQ(pool.Run([&] { may_begin.WaitForNotification(); }), absl::OkStatus());
    for (int i = 0; i < 20; ++i) ASSERT_EQ(pool.Run([&] { ++runs; }), absl::OkStatus());
    may_begin.Notify();
  }
  EXPECT_EQ(runs, 20);
}

}  // namespace
}  // namespace claviger
