#include "server/app/periodic_tasks.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/fake_clock.h"

namespace claviger {
namespace {

// Counts runs, and lets a test wait for them.
class Runs {
 public:
  void Add() {
    absl::MutexLock lock(&mutex_);
    ++count_;
  }
  int count() const {
    absl::MutexLock lock(&mutex_);
    return count_;
  }
  void WaitFor(int least) const {
    const auto reached = [this, least] {
      mutex_.AssertReaderHeld();
      return count_ >= least;
    };
    absl::MutexLock lock(&mutex_, absl::Condition(&reached));
  }

 private:
  mutable absl::Mutex mutex_;
  int count_ ABSL_GUARDED_BY(mutex_) = 0;
};

class PeriodicTasksTest : public ::testing::Test {
 protected:
  // Due by the fake clock; the real one only says how often it is looked at.
  static PeriodicTasks::Task Every(absl::Duration interval, Runs& runs) {
    return {interval, [&runs] { runs.Add(); }};
  }

  FakeClock clock_;
  Runs often_;
  Runs seldom_;
};

TEST_F(PeriodicTasksTest, EveryTaskRunsAtOnceAtFirst) {
  const PeriodicTasks tasks(clock_,
                            {Every(absl::Hours(1), often_), Every(absl::Hours(2), seldom_)});
  often_.WaitFor(1);
  seldom_.WaitFor(1);
}

TEST_F(PeriodicTasksTest, ATaskRunsAgainWhenItsIntervalHasPassed) {
  const PeriodicTasks tasks(clock_,
                            {Every(absl::Milliseconds(1), often_), Every(absl::Hours(1), seldom_)});
  seldom_.WaitFor(1);
  for (int i = 2; i < 20; ++i) {
    clock_.Advance(absl::Milliseconds(1));
    often_.WaitFor(i);
  }
  EXPECT_EQ(seldom_.count(), 1);
  clock_.Advance(absl::Hours(1));
  seldom_.WaitFor(2);
}

TEST_F(PeriodicTasksTest, AllTasksRunWhenAskedTo) {
  PeriodicTasks tasks(clock_, {Every(absl::Hours(1), often_), Every(absl::Hours(2), seldom_)});
  often_.WaitFor(1);
  seldom_.WaitFor(1);
  tasks.RunAllSoon();
  often_.WaitFor(2);
  seldom_.WaitFor(2);
}

TEST_F(PeriodicTasksTest, EndsWithoutWaitingForTheNextTurn) {
  { const PeriodicTasks tasks(clock_, {Every(absl::Hours(100), often_)}); }
  EXPECT_LE(often_.count(), 1);
}

TEST_F(PeriodicTasksTest, WithoutTasksThereIsNothingToDo) {
  PeriodicTasks tasks(clock_, {});
  tasks.RunAllSoon();
}

}  // namespace
}  // namespace claviger
