// The part of a list of keys that looks at when they were used.
#ifndef CLAVIGER_SERVER_MANAGE_KEY_USE_FILTER_H_
#define CLAVIGER_SERVER_MANAGE_KEY_USE_FILTER_H_

#include <optional>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "core/key_record.h"
#include "storage/key_store.h"

namespace claviger {

// What a key's use must be: all of it; an unset filter lets everything through.
struct KeyUseFilter {
  std::optional<absl::Time> last_used_before;  // a key that was never used does not match
  std::optional<absl::Time> last_used_after;
  std::optional<absl::Time> unused_since;  // issued before, and not used since

  bool empty() const {
    return !last_used_before.has_value() && !last_used_after.has_value() &&
           !unused_since.has_value();
  }
};

// When the key was last found good; InfinitePast: not known. A point read.
absl::StatusOr<absl::Time> LastUseTime(const KeyStore& store, const KeyId& id);

bool MatchesUse(const KeyUseFilter& filter, const KeyRecord& key, absl::Time last_use);

}  // namespace claviger

#endif  // CLAVIGER_SERVER_MANAGE_KEY_USE_FILTER_H_
