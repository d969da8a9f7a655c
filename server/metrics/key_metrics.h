// Gauges about keys that an operator acts on: those that end soon, those that nobody uses.
#ifndef CLAVIGER_SERVER_METRICS_KEY_METRICS_H_
#define CLAVIGER_SERVER_METRICS_KEY_METRICS_H_

#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "core/lifecycle.h"
#include "prometheus/gauge.h"
#include "prometheus/metric_family.h"
#include "prometheus/registry.h"

namespace claviger {

// How far ahead is looked for keys that end; ascending.
inline constexpr std::array<absl::Duration, 3> kExpiryHorizons = {
    absl::Hours(24), absl::Hours(24 * 7), absl::Hours(24 * 30)};
// A key that no check found good for so long is unused.
inline constexpr absl::Duration kUnusedFor = absl::Hours(24 * 90);

// Written by a timer.
//
// Thread safety: all methods may be called from any thread at once.
class KeyMetrics {
 public:
  // The gauges belong to `gauges`, which outlives this.
  explicit KeyMetrics(prometheus::Registry& gauges);

  // Active keys that end within each of kExpiryHorizons.
  void SetExpiring(std::span<const uint64_t> counts);
  void SetUnused(uint64_t keys);
  // Keys of a project by state, every state. The series of a project is there from its first call
  // on.
  void SetProject(const std::string& project_id, const std::map<KeyState, uint64_t>& keys);

  // The families that are not gauges of the registry.
  std::vector<prometheus::MetricFamily> Collect() const;

 private:
  std::array<prometheus::Gauge*, kExpiryHorizons.size()> expiring_{};
  prometheus::Gauge* unused_ = nullptr;
  mutable absl::Mutex mutex_;
  std::map<std::string, std::map<KeyState, uint64_t>> projects_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace claviger

#endif  // CLAVIGER_SERVER_METRICS_KEY_METRICS_H_
