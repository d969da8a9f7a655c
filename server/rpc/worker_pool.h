// Threads for work that blocks, which gRPC's threads must not do.
#ifndef CLAVIGER_SERVER_RPC_WORKER_POOL_H_
#define CLAVIGER_SERVER_RPC_WORKER_POOL_H_

#include <cstddef>
#include <deque>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"

namespace claviger {

// A fixed number of threads over a bounded queue.
//
// Thread safety: all methods may be called from any thread at once.
class WorkerPool {
 public:
  using Task = absl::AnyInvocable<void()>;

  WorkerPool(size_t threads, size_t max_waiting);
  // Finishes what waits.
  ~WorkerPool();

  // Queues `task`; UNAVAILABLE `OVERLOADED` (and `task` is dropped) when too many wait.
  absl::Status Run(Task task);

 private:
  void Work();
  bool HasWorkOrStops() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
    return stopping_ || !tasks_.empty();
  }

  const size_t max_waiting_;
  absl::Mutex mutex_;
  std::deque<Task> tasks_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace claviger

#endif  // CLAVIGER_SERVER_RPC_WORKER_POOL_H_
