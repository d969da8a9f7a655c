// KeyManager: keys that are deleted, shown again, or revoked among many.

#include <utility>

#include "core/lifecycle.h"
#include "server/manage/key_manager.h"
#include "server/manage/permissions.h"

namespace claviger {

void KeyManager::RevokeAmongMany(const Caller& caller, const KeyId& id, RevokeReason reason,
                                 std::string note, std::string detail, absl::Duration deadline,
                                 Done<ChangedKey> done) {
  EditKey(
      caller, permission::kKeysRevoke, {.key_id = id, .if_revision = {}},
      {.action = "RevokeKey", .admission = Admission::kReduction, .takes_away = true}, deadline,
      [this, reason, note = std::move(note), detail = std::move(detail)](
          const StateReader&, KeyRecord& key, ChangedKey& result) -> absl::StatusOr<Edited> {
        result.restricting = !key.revocation.has_value();
        claviger::Revoke(key, clock_.Now(), reason, note);
        return Edited{result.restricting, detail};
      },
      std::move(done));
}

void KeyManager::Delete(const Caller& caller, const ChangeParams& params, RevokeReason reason,
                        std::string note, absl::Duration deadline, Done<ChangedKey> done) {
  EditKey(
      caller, permission::kKeysRevoke, params,
      {.action = "DeleteKey", .admission = Admission::kReduction, .takes_away = true}, deadline,
      [this, reason, note = std::move(note)](const StateReader&, KeyRecord& key,
                                             ChangedKey& result) -> absl::StatusOr<Edited> {
        const bool changed = !key.delete_time.has_value();
        claviger::Delete(key, clock_.Now(), reason, note);
        // Also when it was deleted before: whoever asks again may have had no answer the first
        // time.
        result.restricting = true;
        return Edited{changed, note};
      },
      std::move(done));
}

void KeyManager::Undelete(const Caller& caller, const ChangeParams& params, absl::Duration deadline,
                          Done<ChangedKey> done) {
  EditKey(
      caller, permission::kKeysRevoke, params,
      {.action = "UndeleteKey", .admission = Admission::kGrowth}, deadline,
      [this](const StateReader&, KeyRecord& key, ChangedKey&) -> absl::StatusOr<Edited> {
        const bool changed = key.delete_time.has_value();
        claviger::Undelete(key, clock_.Now());
        return Edited{changed, ""};
      },
      std::move(done));
}

}  // namespace claviger
