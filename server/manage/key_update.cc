// KeyManager::Update.
#include "server/manage/key_update.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "core/status.h"
#include "fmt/format.h"
#include "server/manage/errors.h"
#include "server/manage/key_manager.h"
#include "server/manage/permissions.h"

namespace claviger {
namespace {

// What an update does to a key, beyond its names.
struct Effect {
  std::vector<std::string> changed;  // names of attributes
  bool narrows = false;              // ends sooner, or may be used from fewer addresses
  bool widens = false;               // ends later, or may be used from more addresses
  bool is_granted = false;           // something has changed that verifiers get with the grant

  void Note(std::string name) { changed.push_back(std::move(name)); }
};

// Sets `field` to what `update` has, if anything; whether that is something else than before.
template <typename T>
bool Assign(const std::optional<T>& update, T& field) {
  if (!update.has_value() || *update == field) return false;
  field = *update;
  return true;
}

void ApplyTexts(const KeyUpdate& update, KeyRecord& key, Effect& effect) {
  if (Assign(update.display_name, key.display_name)) effect.Note("display_name");
  if (Assign(update.description, key.description)) effect.Note("description");
  const size_t unseen = effect.changed.size();
  if (Assign(update.owner, key.owner)) effect.Note("owner");
  if (Assign(update.labels, key.labels)) effect.Note("labels");
  if (Assign(update.metadata, key.metadata)) effect.Note("metadata");
  effect.is_granted = effect.changed.size() > unseen;
}

absl::Status ApplyAddresses(const std::vector<Cidr>& allowed_cidrs, const ProjectRecord& project,
                            KeyRecord& key, Effect& effect) {
  if (allowed_cidrs == key.allowed_cidrs) return absl::OkStatus();
  if (absl::Status s = CheckAddresses(project, allowed_cidrs, "key.allowed_cidrs"); !s.ok()) {
    return s;
  }
  std::vector<std::string> texts;
  for (const Cidr& block : allowed_cidrs) texts.push_back(block.ToString());
  effect.Note(fmt::format("allowed_cidrs to [{}]", fmt::join(texts, " ")));
  effect.is_granted = true;
  effect.narrows |= !AllWithin(key.allowed_cidrs, allowed_cidrs);
  effect.widens |= !AllWithin(allowed_cidrs, key.allowed_cidrs);
  key.allowed_cidrs = allowed_cidrs;
  return absl::OkStatus();
}

absl::Status ApplyExpiry(const std::optional<absl::Time>& expire_time, const ProjectRecord& project,
                         absl::Time now, KeyRecord& key, Effect& effect) {
  if (expire_time == key.expire_time) return absl::OkStatus();
  if (absl::Status s = CheckNewExpiry(expire_time, key.create_time, project.policy, now); !s.ok()) {
    return s;
  }
  const absl::Time old_end = key.expire_time.value_or(absl::InfiniteFuture());
  const absl::Time new_end = expire_time.value_or(absl::InfiniteFuture());
  effect.is_granted = true;
  effect.narrows |= new_end < old_end;
  effect.widens |= new_end > old_end;
  effect.Note(expire_time.has_value()
                  ? "expire_time to " +
                        absl::FormatTime(absl::RFC3339_sec, *expire_time, absl::UTCTimeZone())
                  : "expire_time to never");
  key.expire_time = expire_time;
  return absl::OkStatus();
}

}  // namespace

void KeyManager::Update(const Caller& caller, const ChangeParams& params, KeyUpdate update,
                        absl::Duration deadline, Done<ChangedKey> done) {
  EditKey(
      caller, permission::kKeysUpdate, params, {"UpdateKey", Admission::kGrowth}, deadline,
      [this, caller, update = std::move(update)](const StateReader& state, KeyRecord& key,
                                                 ChangedKey& result) -> absl::StatusOr<Edited> {
        const bool decides = update.allowed_cidrs.has_value() || update.expire_time.has_value();
        if (decides && (key.revocation.has_value() || key.delete_time.has_value())) {
          return RevokedKeyIsFinal(key.id);
        }
        absl::StatusOr<std::shared_ptr<const ProjectRecord>> project =
            state.FindProject(key.project_id);
        if (!project.ok()) return project.status();
        if (*project == nullptr) return ProjectNotFound(key.project_id);
        const absl::Time now = clock_.Now();
        Effect effect;
        ApplyTexts(update, key, effect);
        if (update.allowed_cidrs.has_value()) {
          absl::Status s = ApplyAddresses(*update.allowed_cidrs, **project, key, effect);
          if (!s.ok()) return s;
        }
        if (update.expire_time.has_value()) {
          absl::Status s = ApplyExpiry(*update.expire_time, **project, now, key, effect);
          if (!s.ok()) return s;
        }
        // A longer life or more addresses for a management key are powers given.
        if (key.project_id == kManagementProject && effect.widens) {
          absl::Status s = caller.RequireCanGrant(key.scopes, key.bound_project_ids);
          if (!s.ok()) return s;
        }
        // Also when it was as narrow before: whoever asks again may have had no answer the first
        // time.
        result.restricting = effect.narrows || (decides && !effect.widens);
        if (effect.changed.empty()) return Edited{};
        key.update_time = now;
        return Edited{true, fmt::format("changed {}", fmt::join(effect.changed, ", ")),
                      !effect.is_granted};
      },
      std::move(done));
}

}  // namespace claviger
