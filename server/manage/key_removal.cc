// KeyManager: keys that are deleted, shown again, or revoked among many.

#include <utility>

#include "core/lifecycle.h"
#include "core/status.h"
#include "server/manage/key_manager.h"
#include "server/manage/permissions.h"
#include "storage/numbered_change.h"
#include "storage/overlay_reader.h"

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

void KeyManager::FindLastAdmins(std::vector<KeyId> ids, absl::Duration deadline,
                                Done<std::vector<RefusedRevoke>> done) {
  using Refused = std::vector<RefusedRevoke>;
  runner_.Run<Refused>(
      deadline, /*validate_only=*/true,
      [this, ids = std::move(ids)](const StateReader& state,
                                   Refused& refused) -> absl::StatusOr<ChangeSet> {
        // Which of several administrators is the last depends on what went before.
        OverlayReader so_far(state);
        for (const KeyId& id : ids) {
          const absl::StatusOr<std::shared_ptr<const KeyRecord>> current = so_far.FindKey(id);
          if (!current.ok()) return current.status();
          if (*current == nullptr || (*current)->revocation.has_value()) continue;
          KeyRecord key = **current;
          claviger::Revoke(key, clock_.Now(), RevokeReason::kUnspecified, "");
          ChangeSet one;
          one.put_keys.push_back(key);
          const absl::Status kept = runner_.CheckAdmins(one, so_far);
          if (kept.ok()) {
            NumberedChange change;
            change.committed.keys.push_back(std::make_shared<const KeyRecord>(std::move(key)));
            change.replaced_keys.push_back(*current);
            so_far.Apply(change);
          } else if (DetailsOf(kept).reason == Reason::kLastAdminKey) {
            refused.push_back({id, kept});
          } else {
            return kept;
          }
        }
        return ChangeSet{};
      },
      [done = std::move(done)](absl::StatusOr<Refused> refused, const Committed*) mutable {
        done(std::move(refused));
      });
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
