// Later, on the client's thread. An interface, so that a test asserts a schedule instead of
// waiting for it.
#ifndef CLAVIGER_CLIENT_SRC_SCHEDULER_H_
#define CLAVIGER_CLIENT_SRC_SCHEDULER_H_

#include <cstdint>

#include "absl/functional/any_invocable.h"
#include "absl/time/time.h"

namespace claviger::client {

// Thread safety: the thread that the tasks run on only.
class Scheduler {
 public:
  using Task = absl::AnyInvocable<void()>;
  using TaskId = uint64_t;

  virtual ~Scheduler() = default;

  // Runs `task` once at `at`, on the scale of Clock::SinceBoot, or a little later; never before
  // this returns. When the thread ends sooner, then as it ends.
  virtual TaskId CallAt(absl::Duration at, Task task) = 0;
  // Drops a task. No effect on one that ran.
  virtual void Cancel(TaskId id) = 0;
};

}  // namespace claviger::client

#endif  // CLAVIGER_CLIENT_SRC_SCHEDULER_H_
