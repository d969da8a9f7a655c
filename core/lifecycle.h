// The states of a key and the arrows between them.
//
//   ACTIVE <-> DISABLED;  either -> REVOKED;  any -> DELETED (which revokes first)
//   EXPIRED is ACTIVE or DISABLED past its expire time.  REVOKED never goes back.
#ifndef CLAVIGER_CORE_LIFECYCLE_H_
#define CLAVIGER_CORE_LIFECYCLE_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "core/key_record.h"

namespace claviger {

enum class KeyState : unsigned char {
  kActive = 1,
  kDisabled = 2,
  kExpired = 3,
  kRevoked = 4,
  kDeleted = 5
};

// `ACTIVE`, `DISABLED`, …
std::string_view KeyStateName(KeyState state);

// The state at `now`. A key is expired from its expire time on. Deleted wins over revoked, revoked
// over expired, expired over disabled.
KeyState StateOf(const KeyRecord& key, absl::Time now);

// Whether the key's digest must stay readable. It must where the key may still verify one day: it
// is neither revoked nor deleted, both of which are final. And it must where the key was imported,
// whatever it has become: only by its digest is it found when the same digest is imported again,
// and a revoked key may not come back that way.
bool NeedsPepper(const KeyRecord& key);

// Each changes `key` and returns OK, also when it is in the wanted state already; or leaves it
// untouched and returns FAILED_PRECONDITION with reason KEY_REVOKED. `update_time` moves only when
// something changed.
absl::Status Disable(KeyRecord& key, absl::Time now);
absl::Status Enable(KeyRecord& key, absl::Time now);
// A second revoke keeps the first one's time, reason and note.
void Revoke(KeyRecord& key, absl::Time now, RevokeReason reason, std::string note);
// Revokes the key, if it is not revoked, and hides it. A second delete keeps the first one's time.
void Delete(KeyRecord& key, absl::Time now, RevokeReason reason, std::string note);
// Shows a deleted key again. It stays revoked.
void Undelete(KeyRecord& key, absl::Time now);
// What a key of a project that was deleted at `delete_time` is from then on, whether or not its own
// record says so yet: revoked.
void RevokeWithProject(KeyRecord& key, absl::Time delete_time);

// How long a deleted key can be shown again, unless the server is set otherwise; then it is purged.
inline constexpr absl::Duration kDefaultDeletedKeyRetention = absl::Hours(30 * 24);

}  // namespace claviger

#endif  // CLAVIGER_CORE_LIFECYCLE_H_
