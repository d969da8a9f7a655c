#include "client/src/event_loop.h"

#include <grpc/support/time.h>

#include <memory>

namespace claviger::client {

EventLoop::EventLoop(const Clock& clock) : clock_(clock) {}

EventLoop::~EventLoop() {
  Stop();
  // Without Run nobody has emptied the queue.
  void* tag = nullptr;
  for (bool ok = false; queue_.Next(&tag, &ok);) static_cast<LoopEvent*>(tag)->OnEvent(ok);
}

void EventLoop::Run() {
  thread_.store(std::this_thread::get_id());
  for (bool running = true; running;) {
    RunDueTimers();
    RunTasks();
    void* tag = nullptr;
    bool ok = false;
    switch (queue_.AsyncNext(&tag, &ok, NextTimer())) {
      case grpc::CompletionQueue::GOT_EVENT:
        static_cast<LoopEvent*>(tag)->OnEvent(ok);
        break;
      case grpc::CompletionQueue::TIMEOUT:
        break;
      case grpc::CompletionQueue::SHUTDOWN:
        running = false;
        break;
    }
  }
  // Whoever waits for a time finds, as for an operation, that there is no more to come.
  ending_ = true;
  while (!timers_.empty()) {
    Task task = std::move(timers_.begin()->second);
    timers_.erase(timers_.begin());
    task();
  }
  RunTasks();
  thread_.store(std::thread::id());
}

void EventLoop::Stop() {
  absl::MutexLock lock(&queue_mutex_);
  if (stopped_) return;
  stopped_ = true;
  queue_.Shutdown();
}

bool EventLoop::Post(Task task) {
  // Both under this lock: what is posted before the queue ends is run.
  return StartOperation([&] {
    absl::MutexLock lock(&mutex_);
    tasks_.push_back(std::move(task));
    if (waking_) return;
    waking_ = true;
    auto* wake = new Wake(*this);
    wake->alarm.Set(&queue_, gpr_time_0(GPR_CLOCK_MONOTONIC), wake->tag());
  });
}

void EventLoop::Wake::OnEvent(bool /*ok*/) {
  loop_.RunTasks();
  delete this;
}

void EventLoop::RunTasks() {
  std::vector<Task> tasks;
  {
    absl::MutexLock lock(&mutex_);
    tasks.swap(tasks_);
    waking_ = false;
  }
  for (Task& task : tasks) task();
}

Scheduler::TaskId EventLoop::CallAt(absl::Duration at, Task task) {
  const TaskId id = ++last_task_;
  if (ending_) return id;
  timers_.emplace(std::pair(at, id), std::move(task));
  timer_times_.emplace(id, at);
  return id;
}

void EventLoop::Cancel(TaskId id) {
  const auto time = timer_times_.find(id);
  if (time == timer_times_.end()) return;
  timers_.erase({time->second, id});
  timer_times_.erase(time);
}

void EventLoop::RunDueTimers() {
  const absl::Duration now = clock_.SinceBoot();
  while (!timers_.empty() && timers_.begin()->first.first <= now) {
    const auto first = timers_.begin();
    Task task = std::move(first->second);
    timer_times_.erase(first->first.second);
    timers_.erase(first);
    task();
  }
}

gpr_timespec EventLoop::NextTimer() const {
  if (timers_.empty()) return gpr_inf_future(GPR_CLOCK_MONOTONIC);
  const absl::Duration wait = timers_.begin()->first.first - clock_.SinceBoot();
  if (wait == absl::InfiniteDuration()) return gpr_inf_future(GPR_CLOCK_MONOTONIC);
  // Rounded up, or the last millisecond would be waited for again and again.
  return gpr_time_add(
      gpr_now(GPR_CLOCK_MONOTONIC),
      gpr_time_from_micros(absl::ToInt64Microseconds(wait + absl::Microseconds(1)), GPR_TIMESPAN));
}

}  // namespace claviger::client
