// Metrics of backups.
#ifndef CLAVIGER_SERVER_METRICS_BACKUP_METRICS_H_
#define CLAVIGER_SERVER_METRICS_BACKUP_METRICS_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/time/time.h"
#include "prometheus/metric_family.h"

namespace claviger {

// How a backup ended.
enum class BackupOutcome : unsigned char {
  kCompleted,  // all of it was sent
  kCutOff,     // the caller went away, read nothing or lost its permission, or the server stopped
  kFailed,     // the store could not give it
};

// Thread safety: all methods may be called from any thread at once; none takes a lock.
class BackupMetrics {
 public:
  // One that was made at `made` and has `bytes` was sent.
  void CountCompleted(absl::Time made, uint64_t bytes);
  // One ended otherwise.
  void CountUnfinished(BackupOutcome outcome) { Count(outcome); }

  std::vector<prometheus::MetricFamily> Collect() const;

 private:
  void Count(BackupOutcome outcome) {
    outcomes_[static_cast<size_t>(outcome)].fetch_add(1, std::memory_order_relaxed);
  }

  std::array<std::atomic<uint64_t>, 3> outcomes_{};
  std::atomic<double> last_success_{0};  // Unix time; 0: none since the start
  std::atomic<uint64_t> last_bytes_{0};
};

}  // namespace claviger

#endif  // CLAVIGER_SERVER_METRICS_BACKUP_METRICS_H_
