// What the connection knows and every check reads: until when the cache may be trusted.
#ifndef CLAVIGER_CLIENT_SRC_VERIFIER_VIEW_H_
#define CLAVIGER_CLIENT_SRC_VERIFIER_VIEW_H_

#include <atomic>
#include <cstdint>

#include "absl/time/time.h"
#include "core/sync_messages.h"

namespace claviger::client {

// The lease, as one number. All times are on the scale of Clock::SinceBoot.
//
// Thread safety: all methods may be called from any thread at once. None takes a lock.
//
// The order of a check (I5): read the clock, then test the lease here, then look into the cache. A
// check that looked first could find an entry while the lease was over, then see the lease that was
// granted after that very entry was evicted, and take the two together for a hit. Testing first,
// it either sees the old lease, which is over, or the new one and with it all that was evicted
// before it.
class VerifierView {
 public:
  VerifierView() = default;
  // `stale_on_error`: how long past the lease the cache may be used when the authority does not
  // answer. The authority was told the same.
  explicit VerifierView(absl::Duration stale_on_error)
      : stale_nanos_(absl::ToInt64Nanoseconds(sync::VerifierLease(stale_on_error))) {}

  // Whether the cache may be used at `now`, which the caller read from the clock after its check
  // began.
  bool LeaseLive(absl::Duration now) const {
    return absl::ToInt64Nanoseconds(now) < lease_end_nanos_.load(std::memory_order_acquire);
  }
  // The same for a check that the authority did not answer. Where there was never a lease, false.
  bool StaleUsable(absl::Duration now) const {
    const int64_t end = lease_end_nanos_.load(std::memory_order_acquire);
    return end != 0 && absl::ToInt64Nanoseconds(now) < end + stale_nanos_;
  }

  // Whether a text that is no key of ours may be a key that was imported. Counts while the lease is
  // live, and is read after it; what the authority said last.
  bool imported_keys() const { return imported_keys_.load(std::memory_order_acquire); }
  // As the state machine says.
  void SetImportedKeys(bool any) { imported_keys_.store(any, std::memory_order_release); }

  absl::Duration lease_end() const {
    return absl::Nanoseconds(lease_end_nanos_.load(std::memory_order_acquire));
  }
  // For InsertFence's owner, as the state machine says. Zero: no lease.
  void SetLease(absl::Duration end) {
    // Release: whoever sees this lease sees what was evicted before it was granted.
    lease_end_nanos_.store(absl::ToInt64Nanoseconds(end), std::memory_order_release);
  }

 private:
  const int64_t stale_nanos_ = 0;
  std::atomic<int64_t> lease_end_nanos_{0};
  std::atomic<bool> imported_keys_{true};
};

}  // namespace claviger::client

#endif  // CLAVIGER_CLIENT_SRC_VERIFIER_VIEW_H_
