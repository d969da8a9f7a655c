// How often keys are checked and when they were last used, as a store keeps it: apart from the
// keys' records and their history, and not as safe. A crash may lose the last seconds of it.
#ifndef CLAVIGER_STORAGE_USAGE_H_
#define CLAVIGER_STORAGE_USAGE_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <variant>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "core/decision.h"
#include "core/key_format.h"
#include "core/status.h"

namespace claviger {

// An hour in UTC, counted from 1970. Times before 1970 are in hour 0.
using UsageHour = uint32_t;

inline UsageHour HourOf(absl::Time time) {
  const int64_t hour = absl::ToUnixSeconds(time) / 3600;
  return static_cast<UsageHour>(
      std::clamp<int64_t>(hour, 0, std::numeric_limits<UsageHour>::max()));
}
inline absl::Time StartOf(UsageHour hour) { return absl::FromUnixSeconds(int64_t{hour} * 3600); }

// How long counts are kept: bounds and default of the setting.
inline constexpr absl::Duration kMinUsageRetention = absl::Hours(48);
inline constexpr absl::Duration kMaxUsageRetention = absl::Hours(24 * 3660);
inline constexpr absl::Duration kDefaultUsageRetention = absl::Hours(24 * 90);

// The oldest hour that is kept at `now`.
inline UsageHour OldestHour(absl::Time now, absl::Duration retention) {
  return HourOf(now - retention);
}

// Checks by outcome. A count that would overflow stays at the largest number.
class UsageCounts {
 public:
  static constexpr size_t kCodes = static_cast<size_t>(VerifyCode::kQuotaExceeded);
  static constexpr uint64_t kMost = std::numeric_limits<int64_t>::max();

  void Add(VerifyCode code, uint64_t count) { AddAt(static_cast<size_t>(code) - 1, count); }
  void Add(const UsageCounts& other) {
    for (size_t i = 0; i < kCodes; ++i) AddAt(i, other.counts_[i]);
  }

  uint64_t Of(VerifyCode code) const { return counts_[static_cast<size_t>(code) - 1]; }
  uint64_t valid() const { return Of(VerifyCode::kValid); }
  uint64_t denied() const {
    UsageCounts sum;
    for (size_t i = 1; i < kCodes; ++i) sum.AddAt(1, counts_[i]);
    return sum.counts_[1];
  }
  bool empty() const {
    return std::all_of(counts_.begin(), counts_.end(), [](uint64_t n) { return n == 0; });
  }

  friend bool operator==(const UsageCounts&, const UsageCounts&) = default;

 private:
  void AddAt(size_t i, uint64_t count) {
    counts_[i] = count > kMost - counts_[i] ? kMost : counts_[i] + count;
  }

  std::array<uint64_t, kCodes> counts_{};  // by code, from VALID on
};

// A check that found the key good.
struct LastUse {
  absl::Time time;
  std::string address;  // that used the key, in the verifying service's word; may be empty
  std::string by;       // who asked: `key:<key id>` or `cert:<SAN>`

  friend bool operator==(const LastUse&, const LastUse&) = default;
};

// Checks of one key in one hour, to be added to what is there.
struct UsageDelta {
  KeyId key_id;
  std::string project_id;
  UsageHour hour = 0;
  UsageCounts counts;
  std::optional<LastUse> last_use;  // counts where it is later than what is there
};

// What AddUsage answers once the store is closed: UNAVAILABLE `SHUTTING_DOWN`.
inline absl::Status UsageRefusedAtStop() {
  return ErrorBuilder(absl::StatusCode::kUnavailable, Reason::kShuttingDown)
      .Build("the store is closed");
}

// Whose counts: one key's, or those of all keys that a project has or had.
using UsageSubject = std::variant<KeyId, std::string>;

struct UsageRow {
  UsageHour hour = 0;
  UsageCounts counts;

  friend bool operator==(const UsageRow&, const UsageRow&) = default;
};

}  // namespace claviger

#endif  // CLAVIGER_STORAGE_USAGE_H_
