#include "server/metrics/backup_metrics.h"

#include "server/metrics/families.h"

namespace claviger {

void BackupMetrics::CountCompleted(absl::Time made, uint64_t bytes) {
  last_bytes_.store(bytes, std::memory_order_relaxed);
  last_success_.store(absl::ToDoubleSeconds(made - absl::UnixEpoch()), std::memory_order_relaxed);
  Count(BackupOutcome::kCompleted);
}

std::vector<prometheus::MetricFamily> BackupMetrics::Collect() const {
  // By BackupOutcome.
  constexpr std::array kOutcomes = {"completed", "cut_off", "failed"};
  static_assert(kOutcomes.size() == static_cast<size_t>(BackupOutcome::kFailed) + 1);
  std::vector<prometheus::MetricFamily> families;
  families.push_back(MakeFamily("claviger_backups_total",
                                "Backups that were begun and have ended, by how.",
                                prometheus::MetricType::Counter));
  for (size_t i = 0; i < kOutcomes.size(); ++i) {
    AddCounter(families.back(), {{"outcome", kOutcomes[i]}},
               static_cast<double>(outcomes_[i].load(std::memory_order_relaxed)));
  }
  families.push_back(MakeFamily(
      "claviger_backup_last_success_timestamp_seconds",
      "When the last backup was made of those that were sent whole, as Unix time; 0: none since "
      "the start.",
      prometheus::MetricType::Gauge));
  AddGauge(families.back(), {}, last_success_.load(std::memory_order_relaxed));
  families.push_back(MakeFamily("claviger_backup_last_success_bytes", "Size of that backup.",
                                prometheus::MetricType::Gauge));
  AddGauge(families.back(), {}, static_cast<double>(last_bytes_.load(std::memory_order_relaxed)));
  return families;
}

}  // namespace claviger
