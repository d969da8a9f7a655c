// The one timer thread: small tasks, each at its own interval.
#ifndef CLAVIGER_SERVER_APP_PERIODIC_TASKS_H_
#define CLAVIGER_SERVER_APP_PERIODIC_TASKS_H_

#include <functional>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "core/clock.h"

namespace claviger {

// Runs tasks one after another on a thread of its own.
//
// Thread safety: all methods may be called from any thread at once.
class PeriodicTasks {
 public:
  struct Task {
    absl::Duration interval;
    std::function<void()> run;
    absl::Duration due = absl::ZeroDuration();  // on the clock's SinceBoot scale; at once at first
  };

  // `clock` outlives the tasks.
  PeriodicTasks(const Clock& clock, std::vector<Task> tasks);
  // Lets the task that is running end.
  ~PeriodicTasks();

  // Runs all tasks soon, whenever they would be due.
  void RunAllSoon();

 private:
  void Loop();
  absl::Duration RunDue();
  bool Woken() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return stopping_ || run_all_; }

  const Clock& clock_;
  std::vector<Task> tasks_;  // the thread's own
  absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool run_all_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace claviger

#endif  // CLAVIGER_SERVER_APP_PERIODIC_TASKS_H_
