#include "client/src/usage_collector.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace claviger::client {

std::vector<sync::KeyUse> UsageCollector::Take(absl::Duration now) {
  const absl::Duration passed = now - last_.value_or(now - kRound / 10);
  last_ = now;
  const double share = std::clamp(absl::FDivDuration(passed, kRound), 0.0, 1.0);
  const auto visits =
      static_cast<size_t>(std::ceil(share * static_cast<double>(grants_.entries())));
  std::vector<sync::KeyUse> uses;
  // At least one, so that what entries had that are gone is taken too.
  grants_.TakeUses(cursor_, std::clamp<size_t>(visits, 1, kMaxVisits), sync::kMaxKeyUsesPerBeat,
                   now, uses);
  return uses;
}

std::vector<sync::KeyUse> UsageCollector::TakeRest(absl::Duration now) {
  std::vector<sync::KeyUse> uses;
  grants_.TakeUses(cursor_, std::numeric_limits<size_t>::max(), sync::kMaxKeyUsesPerBeat, now,
                   uses);
  return uses;
}

}  // namespace claviger::client
