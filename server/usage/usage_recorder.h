// Counts checks where they are answered, for the store to take over some seconds later.
#ifndef CLAVIGER_SERVER_USAGE_USAGE_RECORDER_H_
#define CLAVIGER_SERVER_USAGE_USAGE_RECORDER_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "core/cidr.h"
#include "core/decision.h"
#include "core/key_record.h"
#include "storage/usage.h"

namespace claviger {

// Who asked about a key, in two parts that make `key:<key id>` or `cert:<SAN>`.
struct UsedBy {
  std::string_view kind;
  std::string_view name;
};

// What was counted of one key in one hour.
struct RecordedUse {
  std::shared_ptr<const KeyRecord> key;  // as it was when it was counted first
  UsageDelta delta;
};

// Each thread counts in a stripe of its own, so that two of them rarely want the same lock, and
// keys that are checked again and again cost no memory from the heap.
//
// Thread safety: all methods may be called from any thread at once.
class UsageRecorder {
 public:
  // At most about `max_keys` keys and hours are held at once; what is above is dropped, and counted
  // as such.
  explicit UsageRecorder(size_t max_keys = kDefaultMaxKeys);

  UsageRecorder(const UsageRecorder&) = delete;
  UsageRecorder& operator=(const UsageRecorder&) = delete;

  // A check at `now` of a key whose secret matched. `address` used the key, where the caller said.
  void Count(const std::shared_ptr<const KeyRecord>& key, VerifyCode code,
             const std::optional<IpAddress>& address, const UsedBy& by, absl::Time now);
  // Checks that were counted elsewhere; `last_use` is not later than `now`.
  void Add(const std::shared_ptr<const KeyRecord>& key, const UsageCounts& counts,
           const std::optional<LastUse>& last_use, absl::Time now);

  // Takes out all that was counted before the call. No stripe is held for long.
  std::vector<RecordedUse> TakeAll();

  // Whether there may soon be no room: time to take out what there is.
  bool crowded() const { return crowded_.load(std::memory_order_relaxed); }
  // Checks that there was no room for.
  uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }

 private:
  static constexpr size_t kDefaultMaxKeys = size_t{1} << 18;

  struct Cell {
    std::pair<KeyId, UsageHour> place;
    std::shared_ptr<const KeyRecord> key;
    UsageCounts counts;  // empty: nothing since it was taken out last
    bool good = false;   // the following are set
    absl::Time last_time;
    std::optional<IpAddress> last_address;
    std::string last_by;
  };

  struct alignas(64) Stripe {
    absl::Mutex mutex;
    absl::flat_hash_map<std::pair<KeyId, UsageHour>, size_t> index ABSL_GUARDED_BY(mutex);
    std::vector<Cell> cells ABSL_GUARDED_BY(mutex);
  };

  // The cell for a key and an hour; null: there is no room.
  Cell* CellFor(Stripe& stripe, const std::shared_ptr<const KeyRecord>& key, UsageHour hour)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(stripe.mutex);
  // Takes from the cells from `begin` on, or drops those that were not used. Returns where to go
  // on; false in `.second`: that was all.
  std::pair<size_t, bool> TakeSome(Stripe& stripe, size_t begin, std::vector<RecordedUse>& out)
      ABSL_LOCKS_EXCLUDED(stripe.mutex);

  const size_t max_cells_;  // of a stripe
  std::vector<Stripe> stripes_;
  std::atomic<bool> crowded_{false};
  std::atomic<uint64_t> dropped_{0};
};

}  // namespace claviger

#endif  // CLAVIGER_SERVER_USAGE_USAGE_RECORDER_H_
