// Ctrl-C and SIGTERM as something to wait for, for a command that goes on until it is ended.
#ifndef CLAVIGER_CLIENT_CLI_STOP_SIGNALS_H_
#define CLAVIGER_CLIENT_CLI_STOP_SIGNALS_H_

#include <functional>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace claviger::cli {

// Once it is made the two signals do not end the process any more, also not when it is gone: a
// second Ctrl-C must not change how a command ends that has begun to.
//
// Thread safety: all methods may be called from any thread at once.
class StopSignals {
 public:
  // REQUIRES: no other thread runs yet. One that did would still be ended by the signals, and with
  // it the process; those that are started later are not.
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  // Calls `then` once a signal comes, or at once if one came, on some thread; in place of what was
  // to be called before. Empty: nothing, and when this returns nothing is being called either.
  void OnStop(std::function<void()> then) ABSL_LOCKS_EXCLUDED(mutex_);

  bool stopped() const ABSL_LOCKS_EXCLUDED(mutex_);
  // Waits for a signal, for at most `duration`. Whether one came.
  bool WaitFor(absl::Duration duration) const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void Listen();

  mutable absl::Mutex mutex_;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  std::function<void()> then_ ABSL_GUARDED_BY(mutex_);
  std::thread listener_;
};

}  // namespace claviger::cli

#endif  // CLAVIGER_CLIENT_CLI_STOP_SIGNALS_H_
