// Metrics of the audit log.
#ifndef CLAVIGER_SERVER_METRICS_AUDIT_METRICS_H_
#define CLAVIGER_SERVER_METRICS_AUDIT_METRICS_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <vector>

#include "prometheus/metric_family.h"

namespace claviger {

// What became of an entry.
enum class AuditOutcome : unsigned char {
  kChange,   // written with a change
  kRefusal,  // written for a refused call
  kFailed,   // for a refused call, and the store did not take it
};

// Thread safety: all methods may be called from any thread at once; none takes a lock.
class AuditMetrics {
 public:
  void CountEntries(AuditOutcome outcome, uint64_t entries) {
    entries_[static_cast<size_t>(outcome)].fetch_add(entries, std::memory_order_relaxed);
  }
  // A refused call that got no entry, because there were too many.
  void CountLeftOut() { left_out_.fetch_add(1, std::memory_order_relaxed); }

  std::vector<prometheus::MetricFamily> Collect() const;

 private:
  std::array<std::atomic<uint64_t>, 3> entries_{};
  std::atomic<uint64_t> left_out_{0};
};

}  // namespace claviger

#endif  // CLAVIGER_SERVER_METRICS_AUDIT_METRICS_H_
