// Counts checks where they are answered, for the store to take over some seconds later.
#ifndef CLAVIGER_SERVER_USAGE_USAGE_RECORDER_H_
#define CLAVIGER_SERVER_USAGE_USAGE_RECORDER_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "core/cidr.h"
#include "core/decision.h"
#include "core/key_format.h"
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

// Each thread counts in a stripe of its own, so that two of them rarely want the same lock. A check
// that finds a key good touches one line of memory of that key's, which `Prefetch` fetches early.
//
// Thread safety: all methods may be called from any thread at once.
class UsageRecorder {
 public:
  // At most about `max_keys` keys and hours are held at once; what is above is dropped, and counted
  // as such.
  explicit UsageRecorder(size_t max_keys = kDefaultMaxKeys);
  ~UsageRecorder();

  UsageRecorder(const UsageRecorder&) = delete;
  UsageRecorder& operator=(const UsageRecorder&) = delete;

  // Begins to fetch what a Count of this key by this thread will write.
  void Prefetch(const KeyId& id) const;
  // A check at `now` of a key whose secret matched. `address` used the key, where the caller said.
  void Count(const std::shared_ptr<const KeyRecord>& key, VerifyCode code,
             const std::optional<IpAddress>& address, const UsedBy& by, absl::Time now);
  // Checks that were counted elsewhere; `last_use` is not later than `now`.
  void Add(const std::shared_ptr<const KeyRecord>& key, const UsageCounts& counts,
           const std::optional<LastUse>& last_use, absl::Time now);

  // Checks that were counted elsewhere and find no room on their way here.
  void Drop(uint64_t checks) { dropped_.fetch_add(checks, std::memory_order_relaxed); }

  // Takes out all that was counted before the call. No stripe is held for longer than it takes to
  // put an empty table in the place of a full one.
  std::vector<RecordedUse> TakeAll();

  // Whether there may soon be no room: time to take out what there is.
  bool crowded() const { return crowded_.load(std::memory_order_relaxed); }
  // Checks that there was no room for.
  uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }

 private:
  static constexpr size_t kDefaultMaxKeys = size_t{1} << 18;

  struct Cell;
  struct Rest;
  class Table;
  class Callers;
  struct Stripe;

  const size_t max_cells_;  // of a stripe
  std::vector<std::unique_ptr<Stripe>> stripes_;
  std::atomic<bool> crowded_{false};
  std::atomic<uint64_t> dropped_{0};
};

}  // namespace claviger

#endif  // CLAVIGER_SERVER_USAGE_USAGE_RECORDER_H_
