// A clock that stands still until a test moves it.
#ifndef CLAVIGER_TESTS_SUPPORT_FAKE_CLOCK_H_
#define CLAVIGER_TESTS_SUPPORT_FAKE_CLOCK_H_

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "core/clock.h"

namespace claviger {

// Starts at 2030-01-01T00:00:00Z and one hour after boot. Wall time and time since boot move
// together with `Advance` and apart with the setters, as on a machine whose date is corrected.
//
// Thread safety: all methods may be called from any thread at once.
class FakeClock final : public Clock {
 public:
  FakeClock() = default;
  explicit FakeClock(absl::Time now) : now_(now) {}

  absl::Time Now() const override {
    absl::MutexLock lock(&mutex_);
    return now_;
  }
  absl::Duration SinceBoot() const override {
    absl::MutexLock lock(&mutex_);
    return since_boot_;
  }

  // Lets `duration` pass on both clocks.
  void Advance(absl::Duration duration) {
    absl::MutexLock lock(&mutex_);
    now_ += duration;
    since_boot_ += duration;
  }
  // Corrects the wall time alone, forwards or back.
  void SetNow(absl::Time now) {
    absl::MutexLock lock(&mutex_);
    now_ = now;
  }
  // Sets the time since boot alone.
  void SetSinceBoot(absl::Duration since_boot) {
    absl::MutexLock lock(&mutex_);
    since_boot_ = since_boot;
  }

 private:
  mutable absl::Mutex mutex_;
  absl::Time now_ ABSL_GUARDED_BY(mutex_) = absl::FromUnixSeconds(1893456000);
  absl::Duration since_boot_ ABSL_GUARDED_BY(mutex_) = absl::Hours(1);
};

}  // namespace claviger

#endif  // CLAVIGER_TESTS_SUPPORT_FAKE_CLOCK_H_
