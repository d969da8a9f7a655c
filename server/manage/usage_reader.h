// Counts of checks over time, for those who may see them.
#ifndef CLAVIGER_SERVER_MANAGE_USAGE_READER_H_
#define CLAVIGER_SERVER_MANAGE_USAGE_READER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/manage/caller.h"
#include "storage/key_store.h"

namespace claviger {

enum class UsageInterval : uint8_t { kHour, kDay };

inline absl::Duration LengthOf(UsageInterval interval) {
  return interval == UsageInterval::kHour ? absl::Hours(1) : absl::Hours(24);
}
// The beginning of the hour or day, in UTC, that `time` is in.
absl::Time BucketStart(absl::Time time, UsageInterval interval);

struct UsageQuery {
  static constexpr int64_t kMaxBuckets = 1000;

  UsageSubject subject;
  UsageInterval interval = UsageInterval::kHour;
  // From the bucket with the first to the bucket with the second.
  absl::Time start;
  absl::Time end;
};

// The number of buckets that a query spans.
int64_t BucketsOf(const UsageQuery& query);

struct UsageTimeline {
  struct Bucket {
    absl::Time start;
    UsageCounts counts;
  };
  std::vector<Bucket> buckets;  // ascending, without empty ones
  UsageCounts totals;
  std::optional<LastUse> last_use;  // of a key, where it is known
};

// Errors: PERMISSION_DENIED without usage.read; NOT_FOUND for a key or project that does not exist
// or that the caller is not bound to; the store's. Blocks on I/O: not for gRPC threads.
// REQUIRES: 1 to kMaxBuckets buckets.
absl::StatusOr<UsageTimeline> ReadTimeline(const KeyStore& store, const Caller& caller,
                                           const UsageQuery& query);

// Checks of each key in the 24 hours before `now`, to the full hour. Blocks on I/O.
absl::StatusOr<std::vector<UsageCounts>> ReadRecentCounts(const KeyStore& store,
                                                          std::span<const KeyId> ids,
                                                          absl::Time now);

}  // namespace claviger

#endif  // CLAVIGER_SERVER_MANAGE_USAGE_READER_H_
