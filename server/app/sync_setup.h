// What the Sync loop needs of store and metrics.
#ifndef CLAVIGER_SERVER_APP_SYNC_SETUP_H_
#define CLAVIGER_SERVER_APP_SYNC_SETUP_H_

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "core/clock.h"
#include "server/metrics/sync_metrics.h"
#include "server/sync/sync_loop.h"
#include "storage/key_store.h"

namespace claviger {

// Options for a loop over `store` as it is now: its history, and the leases that may be about from
// before. `store` outlives the loop.
absl::StatusOr<sync::SyncLoopOptions> MakeSyncOptions(KeyStore& store, const Clock& clock,
                                                      absl::Duration lease);

// Says in the store, before it is closed, how long leases may still be about: a clean stop knows.
void RecordRemainingLeases(KeyStore& store, absl::Duration remaining);

// Passes what the loop reports on to the metrics.
class SyncMetricsObserver final : public sync::SyncObserver {
 public:
  // `metrics` outlives the observer.
  explicit SyncMetricsObserver(SyncMetrics& metrics) : metrics_(metrics) {}

  void OnBarrier(const sync::BarrierReport& report) override;
  void OnState(const sync::HubCounters& counters, const sync::SessionList& sessions) override;

 private:
  SyncMetrics& metrics_;
};

}  // namespace claviger

#endif  // CLAVIGER_SERVER_APP_SYNC_SETUP_H_
