// What KeyManager::Rotate takes and gives.
#ifndef CLAVIGER_SERVER_MANAGE_KEY_ROTATE_H_
#define CLAVIGER_SERVER_MANAGE_KEY_ROTATE_H_

#include <memory>
#include <optional>

#include "absl/time/time.h"
#include "core/key_record.h"
#include "core/revision.h"
#include "core/secret.h"
#include "server/manage/policy.h"
#include "server/manage/request_memory.h"

namespace claviger {

inline constexpr absl::Duration kMaxGracePeriod = absl::Hours(24 * 30);

// When the old key's grace begins to run.
enum class GraceStart { kNow, kFirstUse };

// A rotation as asked for, within the bounds of its fields.
struct RotateParams {
  KeyId key_id;
  absl::Duration grace_period;  // 0 to kMaxGracePeriod; 0: the old key is revoked when it begins
  GraceStart grace_start = GraceStart::kNow;
  // Of the new key. Nothing: as long a life as the old one was issued with.
  Expiration expiration;
  std::optional<RequestIdentity> request;  // makes the call one that may be repeated
  Revision if_revision;                    // of the old key; 0: do not compare
  bool validate_only = false;
};

// Both keys after a rotation.
struct RotatedKey {
  Secret key;  // the new raw key; empty with validate_only
  std::shared_ptr<const KeyRecord> info;
  std::shared_ptr<const KeyRecord> replaced;
  Revision revision;         // every verifier must reach this for the change to hold everywhere
  bool restricting = false;  // the old key's life became shorter
};

}  // namespace claviger

#endif  // CLAVIGER_SERVER_MANAGE_KEY_ROTATE_H_
