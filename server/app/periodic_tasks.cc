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
    if (task.due <= clock_.SinceBoot()) {
      task.run();
      task.due = clock_.SinceBoot() + task.interval;
    }
    next = std::min(next, task.due);
  }
  return next - clock_.SinceBoot();
}

}  // namespace claviger
