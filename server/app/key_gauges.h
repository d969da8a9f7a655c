// Counts keys for gauges: those that end soon, those that are unused, those of some projects.
#ifndef CLAVIGER_SERVER_APP_KEY_GAUGES_H_
#define CLAVIGER_SERVER_APP_KEY_GAUGES_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "core/clock.h"
#include "core/key_record.h"
#include "server/metrics/key_metrics.h"
#include "storage/key_store.h"

namespace claviger {

// When a check last found each of these keys good; keys that none ever did are not in the answer.
using LastUseReader =
    std::function<absl::StatusOr<absl::flat_hash_map<KeyId, absl::Time>>(std::span<const KeyId>)>;

// Asks `store`, which outlives what is returned.
LastUseReader LastUsesOf(const KeyStore& store);

struct KeyGaugeOptions {
  // Empty: unused keys are not counted.
  LastUseReader last_uses;
  // Their keys are counted by state.
  std::vector<std::string> projects;
  // Keys looked at in one slice: some milliseconds, so that a stop waits no longer and the store's
  // other readers are not held up.
  size_t slice = 1000;
};

// Runs on a timer of its own, because counting blocks on I/O. All keys are walked through in
// slices, from the newest on, once an hour at most often where that is work, and each minute where
// it is not; the gauges change when a walk is done.
//
// Thread safety: none; belongs to its timer's thread.
class KeyGauges {
 public:
  // References outlive this.
  KeyGauges(const KeyStore& store, const Clock& clock, KeyMetrics& metrics,
            KeyGaugeOptions options);

  // Counts the keys that end soon, unless the last count took so long that it would be most of what
  // the thread does. Due each minute.
  void RefreshExpiring();
  // Walks through the next slice, or begins a walk when one is due.
  void WalkSlice();

 private:
  // What one walk has seen so far.
  struct Walk {
    absl::Time now;  // of its begin
    std::optional<KeyCursor> behind;
    uint64_t unused = 0;
    std::map<std::string, std::map<KeyState, uint64_t>> projects;
    absl::Duration worked;
  };

  Walk Begin() const;
  // True when it was the last slice.
  absl::StatusOr<bool> Step(Walk& walk) const;
  absl::Status CountUnused(const std::vector<KeyId>& candidates, Walk& walk) const;
  void Publish(const Walk& walk);

  const KeyStore& store_;
  const Clock& clock_;
  KeyMetrics& metrics_;
  const KeyGaugeOptions options_;
  std::optional<Walk> walk_;
  absl::Duration next_expiring_;  // on the clock's SinceBoot scale
  absl::Duration next_walk_;
};

}  // namespace claviger

#endif  // CLAVIGER_SERVER_APP_KEY_GAUGES_H_
