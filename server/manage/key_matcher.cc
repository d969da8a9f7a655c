#include "server/manage/key_matcher.h"

namespace claviger {

bool KeyMatcher::Passes(const KeyRecord& key) {
  if (!Matches(filter_, key, now_)) return false;
  if (filter_.use.empty()) return status_.ok();
  const absl::Time last_use = LastUse(key);
  return status_.ok() && MatchesUse(filter_.use, key, last_use);
}

absl::Time KeyMatcher::LastUse(const KeyRecord& key) {
  const absl::StatusOr<absl::Time> found = LastUseTime(store_, key.id);
  if (found.ok()) return *found;
  status_.Update(found.status());
  return absl::InfinitePast();
}

}  // namespace claviger
