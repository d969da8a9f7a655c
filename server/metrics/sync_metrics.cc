#include "server/metrics/sync_metrics.h"

#include <algorithm>
#include <utility>

#include "server/metrics/families.h"

namespace claviger {
namespace {

using prometheus::MetricFamily;
using prometheus::MetricType;

// By sync::BarrierOutcome.
constexpr const char* kOutcomeNames[kBarrierOutcomes] = {"all_acked", "leases_expired", "pending"};

constexpr double kBarrierSecondsBounds[] = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                            0.25,   0.5,   1,      2.5,   5,    10,    60};
constexpr double kNanosecondsPerSecond = 1e9;

prometheus::Gauge* SessionsGauge(prometheus::Registry& registry, const std::string& state) {
  return &prometheus::BuildGauge()
              .Name("claviger_sync_sessions")
              .Help(
                  "Verifying sessions: with a stream, without one but with a lease, and those that "
                  "only look on.")
              .Register(registry)
              .Add({{"state", state}});
}

MetricFamily Total(std::string name, std::string help, uint64_t value) {
  MetricFamily family = MakeFamily(std::move(name), std::move(help), MetricType::Counter);
  AddCounter(family, {}, static_cast<double>(value));
  return family;
}

}  // namespace

SyncMetrics::SyncMetrics(prometheus::Registry& gauges)
    : connected_(SessionsGauge(gauges, "connected")),
      gone_(SessionsGauge(gauges, "gone")),
      observers_(SessionsGauge(gauges, "observer")),
      lag_(&prometheus::BuildGauge()
                .Name("claviger_sync_largest_lag_revisions")
                .Help("Revisions that the furthest verifying session is behind.")
                .Register(gauges)
                .Add({})) {
  for (auto& histogram : barrier_seconds_) {
    histogram = std::make_unique<StripedHistogram>(kBarrierSecondsBounds, kNanosecondsPerSecond);
  }
}

void SyncMetrics::SetState(const SyncState& state) {
  connected_->Set(state.connected);
  gone_->Set(state.gone);
  observers_->Set(state.observers);
  lag_->Set(static_cast<double>(state.largest_lag));
}

void SyncMetrics::SetTotals(const SyncTotals& totals) {
  const std::array values = {totals.invalidations,   totals.items,          totals.resets_too_slow,
                             totals.resets_at_hello, totals.leases_granted, totals.leases_expired};
  for (size_t i = 0; i < values.size(); ++i) totals_[i].store(values[i], std::memory_order_relaxed);
}

void SyncMetrics::ObserveBarrier(int outcome, absl::Duration waited) {
  barrier_seconds_[outcome]->Observe(
      absl::ToDoubleSeconds(std::clamp(waited, absl::ZeroDuration(), absl::Hours(24))));
}

std::vector<MetricFamily> SyncMetrics::Collect() const {
  const auto total = [this](size_t i) { return totals_[i].load(std::memory_order_relaxed); };
  std::vector<MetricFamily> families;
  families.push_back(
      Total("claviger_sync_invalidations_total", "Invalidations sent to verifiers.", total(0)));
  families.push_back(Total("claviger_sync_invalidated_items_total", "Items in them.", total(1)));
  MetricFamily resets =
      MakeFamily("claviger_sync_resets_total", "Verifiers told to forget everything, by why.",
                 MetricType::Counter);
  AddCounter(resets, {{"cause", "too_slow"}}, static_cast<double>(total(2)));
  AddCounter(resets, {{"cause", "not_resumable"}}, static_cast<double>(total(3)));
  families.push_back(std::move(resets));
  families.push_back(
      Total("claviger_sync_leases_granted_total", "Leases granted to verifiers.", total(4)));
  families.push_back(Total("claviger_sync_leases_expired_total",
                           "Sessions whose lease ran out without a stream.", total(5)));
  MetricFamily barriers = MakeFamily(
      "claviger_barrier_wait_seconds",
      "How long restricting changes waited for verifiers, by outcome.", MetricType::Histogram);
  for (int i = 0; i < kBarrierOutcomes; ++i) {
    AddHistogram(barriers, {{"outcome", kOutcomeNames[i]}}, *barrier_seconds_[i]);
  }
  families.push_back(std::move(barriers));
  return families;
}

}  // namespace claviger
