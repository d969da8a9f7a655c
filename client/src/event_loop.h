// The client's one thread: gRPC's events, timers and posted tasks, one after another.
//
// A completion queue of our own, not gRPC's callback API: that one runs its callbacks, for all of
// the process, on a few threads. A service with callback handlers that wait in `Check` would take
// all of them, and the answers that they wait for could not come.
#ifndef CLAVIGER_CLIENT_SRC_EVENT_LOOP_H_
#define CLAVIGER_CLIENT_SRC_EVENT_LOOP_H_

#include <grpcpp/alarm.h>
#include <grpcpp/completion_queue.h>

#include <atomic>
#include <map>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "client/src/scheduler.h"
#include "core/clock.h"

namespace claviger::client {

// Somebody who started an operation on the loop's queue, with himself as its tag.
class LoopEvent {
 public:
  // On the loop's thread. `ok` as CompletionQueue::Next says.
  virtual void OnEvent(bool ok) = 0;
  void* tag() { return static_cast<void*>(this); }

 protected:
  ~LoopEvent() = default;
};

// Thread safety: `Post`, `StartOperation`, `Stop` and `OnLoopThread` may be called from any thread
// at once; what Scheduler has, on the loop's thread only.
class EventLoop final : public Scheduler {
 public:
  // `clock` outlives the loop. The thread starts with `Run`.
  explicit EventLoop(const Clock& clock);
  // REQUIRES: Run has returned, or was never called.
  ~EventLoop() override;

  // Runs until stopped, and until all that was started has ended.
  void Run();
  // Makes Run end. Idempotent.
  void Stop();

  // Runs `task` on the loop's thread. False, and the task is dropped: the loop is stopped.
  bool Post(Task task) ABSL_LOCKS_EXCLUDED(mutex_);

  // Calls `start`, which starts operations of gRPC with `queue()` and a LoopEvent's tag. False, and
  // not called: the loop is stopped.
  template <typename Start>
  bool StartOperation(Start&& start) ABSL_LOCKS_EXCLUDED(queue_mutex_) {
    absl::ReaderMutexLock lock(&queue_mutex_);
    if (stopped_) return false;
    std::forward<Start>(start)();
    return true;
  }
  grpc::CompletionQueue& queue() { return queue_; }

  bool OnLoopThread() const { return thread_.load() == std::this_thread::get_id(); }

  TaskId CallAt(absl::Duration at, Task task) override;
  void Cancel(TaskId id) override;

 private:
  // Wakes the thread up for what was posted.
  class Wake final : public LoopEvent {
   public:
    explicit Wake(EventLoop& loop) : loop_(loop) {}
    void OnEvent(bool ok) override;
    grpc::Alarm alarm;

   private:
    EventLoop& loop_;
  };

  void RunTasks() ABSL_LOCKS_EXCLUDED(mutex_);
  void RunDueTimers();
  gpr_timespec NextTimer() const;

  const Clock& clock_;
  std::atomic<std::thread::id> thread_{};

  absl::Mutex mutex_;
  std::vector<Task> tasks_ ABSL_GUARDED_BY(mutex_);
  bool waking_ ABSL_GUARDED_BY(mutex_) = false;

  // Shared while operations are started, so that none is after the queue's shutdown.
  absl::Mutex queue_mutex_;
  bool stopped_ ABSL_GUARDED_BY(queue_mutex_) = false;
  grpc::CompletionQueue queue_;

  // The loop thread's own.
  std::map<std::pair<absl::Duration, TaskId>, Task> timers_;
  std::map<TaskId, absl::Duration> timer_times_;
  TaskId last_task_ = 0;
  bool ending_ = false;
};

}  // namespace claviger::client

#endif  // CLAVIGER_CLIENT_SRC_EVENT_LOOP_H_
