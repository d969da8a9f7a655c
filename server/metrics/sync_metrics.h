// Metrics of verifying sessions and barriers.
#ifndef CLAVIGER_SERVER_METRICS_SYNC_METRICS_H_
#define CLAVIGER_SERVER_METRICS_SYNC_METRICS_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/time/time.h"
#include "prometheus/gauge.h"
#include "prometheus/metric_family.h"
#include "prometheus/registry.h"
#include "server/metrics/striped.h"

namespace claviger {

// How a barrier ended; the values are those of sync::BarrierOutcome.
inline constexpr int kBarrierOutcomes = 3;

// Figures of all sessions at one moment.
struct SyncState {
  int connected = 0;
  int gone = 0;  // without a stream, but with a lease
  int observers = 0;
  uint64_t largest_lag = 0;  // revisions that the furthest session is behind
};

// Totals since the start.
struct SyncTotals {
  uint64_t invalidations = 0;
  uint64_t items = 0;
  uint64_t resets_too_slow = 0;
  uint64_t resets_at_hello = 0;
  uint64_t leases_granted = 0;
  uint64_t leases_expired = 0;
};

// Thread safety: Set… and ObserveBarrier from one thread; Collect from any at once.
class SyncMetrics {
 public:
  explicit SyncMetrics(prometheus::Registry& gauges);

  void SetState(const SyncState& state);
  void SetTotals(const SyncTotals& totals);
  // `outcome` < kBarrierOutcomes.
  void ObserveBarrier(int outcome, absl::Duration waited);

  std::vector<prometheus::MetricFamily> Collect() const;

 private:
  prometheus::Gauge* connected_;
  prometheus::Gauge* gone_;
  prometheus::Gauge* observers_;
  prometheus::Gauge* lag_;
  // Written as running totals, read when collected.
  std::array<std::atomic<uint64_t>, 6> totals_{};
  std::array<std::unique_ptr<StripedHistogram>, kBarrierOutcomes> barrier_seconds_;
};

}  // namespace claviger

#endif  // CLAVIGER_SERVER_METRICS_SYNC_METRICS_H_
