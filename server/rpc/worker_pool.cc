#include "server/rpc/worker_pool.h"

#include <utility>

#include "core/status.h"

namespace claviger {

WorkerPool::WorkerPool(size_t threads, size_t max_waiting) : max_waiting_(max_waiting) {
  for (size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { Work(); });
}

WorkerPool::~WorkerPool() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  for (std::thread& thread : threads_) thread.join();
}

absl::Status WorkerPool::Run(Task task) {
  absl::MutexLock lock(&mutex_);
  if (tasks_.size() >= max_waiting_) {
    return ErrorBuilder(absl::StatusCode::kUnavailable, Reason::kOverloaded)
        .Build("too many lists are being made; try again later");
  }
  tasks_.push_back(std::move(task));
  return absl::OkStatus();
}

void WorkerPool::Work() {
  for (;;) {
    Task task;
    {
      absl::MutexLock lock(&mutex_, absl::Condition(this, &WorkerPool::HasWorkOrStops));
      if (tasks_.empty()) return;
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    task();
  }
}

}  // namespace claviger
