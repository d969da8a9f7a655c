#include "server/app/periodic_tasks.h"

#include <algorithm>
#include <utility>

namespace claviger {

PeriodicTasks::PeriodicTasks(const Clock& clock, std::vector<Task> tasks)
    : clock_(clock), tasks_(std::move(tasks)), thread_([this] { Loop(); }) {}

PeriodicTasks::~PeriodicTasks() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  thread_.join();
}

void PeriodicTasks::RunAllSoon() {
  absl::MutexLock lock(&mutex_);
  run_all_ = true;
}

void PeriodicTasks::Loop() {
  for (;;) {
    const absl::Duration wait = RunDue();
    absl::MutexLock lock(&mutex_);
    mutex_.AwaitWithTimeout(absl::Condition(this, &PeriodicTasks::Woken), wait);
    if (stopping_) return;
    if (run_all_) {
      for (Task& task : tasks_) task.due = absl::ZeroDuration();
      run_all_ = false;
    }
  }
}

absl::Duration PeriodicTasks::RunDue() {
  absl::Duration next = absl::InfiniteDuration();
  for (Task& task : tasks_) {
    // Counted from before the run: what becomes due while it runs is not put off.
    if (const absl::Duration now = clock_.SinceBoot(); task.due <= now) {
      task.run();
      task.due = now + task.interval;
    }
    next = std::min(next, task.due);
  }
  return next - clock_.SinceBoot();
}

}  // namespace claviger
