#include "server/manage/key_use_filter.h"

#include <vector>

namespace claviger {

absl::StatusOr<absl::Time> LastUseTime(const KeyStore& store, const KeyId& id) {
  const absl::StatusOr<std::vector<std::optional<LastUse>>> found = store.FindLastUses({&id, 1});
  if (!found.ok()) return found.status();
  const std::optional<LastUse>& use = found->front();
  return use.has_value() ? use->time : absl::InfinitePast();
}

bool MatchesUse(const KeyUseFilter& filter, const KeyRecord& key, absl::Time last_use) {
  const bool was_used = last_use != absl::InfinitePast();
  if (filter.last_used_before.has_value() && (!was_used || last_use >= *filter.last_used_before)) {
    return false;
  }
  if (filter.last_used_after.has_value() && (!was_used || last_use < *filter.last_used_after)) {
    return false;
  }
  return !filter.unused_since.has_value() ||
         (key.create_time < *filter.unused_since && last_use < *filter.unused_since);
}

}  // namespace claviger
