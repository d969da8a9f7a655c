// Goes round the cache and gathers what checks have counted there.
#ifndef CLAVIGER_CLIENT_SRC_USAGE_COLLECTOR_H_
#define CLAVIGER_CLIENT_SRC_USAGE_COLLECTOR_H_

#include <cstddef>
#include <optional>
#include <vector>

#include "absl/time/time.h"
#include "client/src/grant_cache.h"
#include "core/sync_messages.h"

namespace claviger::client {

// Thread safety: one thread at a time.
class UsageCollector {
 public:
  // A round takes about so long; longer where there are more entries or more keys in use than the
  // bounds let through. Nothing is lost by that: counts stay where they are until they are taken.
  static constexpr absl::Duration kRound = absl::Seconds(10);
  // Of one call.
  static constexpr size_t kMaxVisits = 1 << 16;

  // `grants` outlives the collector.
  explicit UsageCollector(GrantCache& grants) : grants_(grants) {}

  // The next part of the round, as large as the time since the last call makes it: at most
  // kMaxKeyUsesPerBeat keys. `now` on the scale of Clock::SinceBoot.
  std::vector<sync::KeyUse> Take(absl::Duration now);
  // As many as one beat takes of all that there is; empty: there is nothing left.
  std::vector<sync::KeyUse> TakeRest(absl::Duration now);

 private:
  GrantCache& grants_;
  GrantCache::UseCursor cursor_;
  std::optional<absl::Duration> last_;
};

}  // namespace claviger::client

#endif  // CLAVIGER_CLIENT_SRC_USAGE_COLLECTOR_H_
