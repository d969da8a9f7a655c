#include "server/manage/key_manager.h"

#include <algorithm>
#include <utility>

#include "core/lifecycle.h"
#include "core/status.h"
#include "fmt/format.h"
#include "server/manage/errors.h"
#include "server/manage/permissions.h"

namespace claviger {
namespace {

std::vector<std::string> Difference(const ScopeSet& a, const ScopeSet& b) {
  std::vector<std::string> only_in_a;
  for (const std::string& scope : a.scopes()) {
    if (!b.Contains(scope)) only_in_a.push_back(scope);
  }
  return only_in_a;
}

absl::StatusOr<ScopeSet> Apply(const ScopeChange& change, const ScopeSet& current) {
  if (change.replace_with.has_value()) return *change.replace_with;
  std::vector<std::string> scopes = change.add;
  for (const std::string& scope : current.scopes()) {
    if (std::find(change.remove.begin(), change.remove.end(), scope) == change.remove.end()) {
      scopes.push_back(scope);
    }
  }
  // Repetitions go first, so that adding what is there already does not count against the bound.
  return ScopeSet::Create(ScopeSet::FromTrusted(std::move(scopes)).scopes(), "add");
}

}  // namespace

KeyManager::KeyManager(KeyStore& store, const PepperSet& peppers, RandomSource& random,
                       const Clock& clock, const AdminKeys* admins)
    : store_(store),
      mint_(peppers, random),
      memory_(peppers, random),
      clock_(clock),
      runner_(store, clock, admins) {}

absl::StatusOr<std::shared_ptr<const KeyRecord>> KeyManager::Get(const Caller& caller,
                                                                 const KeyId& id) const {
  if (absl::Status s = caller.Require(permission::kKeysRead); !s.ok()) return s;
  absl::StatusOr<std::shared_ptr<const KeyRecord>> key = store_.FindKey(id);
  if (!key.ok()) return key.status();
  if (*key == nullptr || !caller.IsBoundTo((*key)->project_id)) return KeyNotFound(id);
  absl::StatusOr<std::shared_ptr<const ProjectRecord>> project =
      store_.FindProject((*key)->project_id);
  if (!project.ok()) return project.status();
  if (*project == nullptr || !(*project)->delete_time.has_value()) return key;
  auto revoked = std::make_shared<KeyRecord>(**key);
  RevokeWithProject(*revoked, *(*project)->delete_time);
  return revoked;
}

void KeyManager::EditKey(const Caller& caller, std::string_view permission,
                         const ChangeParams& params, EditKind kind, absl::Duration deadline,
                         Edit edit, Done<ChangedKey> done) {
  const bool own_key = kind.own_key_suffices && caller.key_id() == params.key_id;
  if (!own_key) {
    if (absl::Status s = caller.Require(permission); !s.ok()) return done(s);
  }
  runner_.Run<ChangedKey>(
      deadline, params.validate_only,
      [caller, params, own_key, kind = std::move(kind), edit = std::move(edit)](
          const StateReader& state, ChangedKey& result) mutable -> absl::StatusOr<ChangeSet> {
        absl::StatusOr<std::shared_ptr<const KeyRecord>> current = state.FindKey(params.key_id);
        if (!current.ok()) return current.status();
        if (*current == nullptr || !(own_key || caller.IsBoundTo((*current)->project_id))) {
          return KeyNotFound(params.key_id);
        }
        if (absl::Status s = CheckRevision(params.if_revision, (*current)->revision); !s.ok()) {
          return s;
        }
        if (!kind.takes_away) {
          absl::StatusOr<std::shared_ptr<const ProjectRecord>> project =
              FindLiveProject(state, (*current)->project_id);
          if (!project.ok()) return project.status();
        }
        KeyRecord key = **current;
        absl::StatusOr<Edited> edited = edit(state, key, result);
        if (!edited.ok()) return edited.status();
        result.info = std::make_shared<const KeyRecord>(key);
        if (!edited->changed) return ChangeSet{};
        ChangeSet changes;
        changes.audit =
            AuditOf(caller, kind.action, key.project_id, key.id.ToString(), edited->detail);
        changes.admission = result.restricting ? Admission::kReduction : kind.admission;
        changes.unseen_by_verifiers = edited->unseen_by_verifiers;
        changes.put_keys.push_back(std::move(key));
        return changes;
      },
      [done = std::move(done)](absl::StatusOr<ChangedKey> result,
                               const Committed* committed) mutable {
        if (result.ok()) {
          if (committed->changed) result->info = committed->keys.front();
          result->revision = result->info->revision;
        }
        done(std::move(result));
      });
}

void KeyManager::UpdateScopes(const Caller& caller, const ChangeParams& params, ScopeChange change,
                              absl::Duration deadline, Done<ChangedKey> done) {
  EditKey(
      caller, permission::kKeysUpdate, params, {"UpdateScopes", Admission::kReduction}, deadline,
      [this, caller, change = std::move(change)](const StateReader& state, KeyRecord& key,
                                                 ChangedKey& result) -> absl::StatusOr<Edited> {
        if (key.revocation.has_value()) return RevokedKeyIsFinal(key.id);
        absl::StatusOr<ScopeSet> scopes = Apply(change, key.scopes);
        if (!scopes.ok()) return scopes.status();
        result.added_scopes = Difference(*scopes, key.scopes);
        result.removed_scopes = Difference(key.scopes, *scopes);
        absl::StatusOr<std::shared_ptr<const ProjectRecord>> project =
            state.FindProject(key.project_id);
        if (!project.ok()) return project.status();
        if (*project == nullptr) return ProjectNotFound(key.project_id);
        // Only what is new is held against the catalog: a key keeps what it was given under an
        // older one.
        if (absl::Status s =
                CheckCatalog(**project, result.added_scopes,
                             change.replace_with.has_value() ? "replace_with.scopes" : "add");
            !s.ok()) {
          return s;
        }
        if (key.project_id == kManagementProject && !result.added_scopes.empty()) {
          absl::Status s = caller.RequireCanGrant(ScopeSet::FromTrusted(result.added_scopes),
                                                  key.bound_project_ids);
          if (!s.ok()) return s;
        }
        // Also when nothing is left to take away: whoever asks again may have had no answer the
        // first time.
        const bool takes = change.replace_with.has_value() || !change.remove.empty();
        const bool unchanged = result.added_scopes.empty() && result.removed_scopes.empty();
        result.restricting = !scopes->CoversAll(key.scopes) || (takes && unchanged);
        if (unchanged) return Edited{};
        key.scopes = *std::move(scopes);
        key.update_time = clock_.Now();
        return Edited{true,
                      fmt::format("added [{}], removed [{}]", fmt::join(result.added_scopes, " "),
                                  fmt::join(result.removed_scopes, " "))};
      },
      std::move(done));
}

void KeyManager::Disable(const Caller& caller, const ChangeParams& params, absl::Duration deadline,
                         Done<ChangedKey> done) {
  EditKey(
      caller, permission::kKeysUpdate, params, {"DisableKey", Admission::kReduction}, deadline,
      [this](const StateReader&, KeyRecord& key, ChangedKey& result) -> absl::StatusOr<Edited> {
        const bool changed = !key.disabled;
        if (absl::Status s = claviger::Disable(key, clock_.Now()); !s.ok()) return s;
        // Also when it was disabled before: whoever asks again may have had no answer the first
        // time.
        result.restricting = true;
        return Edited{changed, ""};
      },
      std::move(done));
}

void KeyManager::Enable(const Caller& caller, const ChangeParams& params, absl::Duration deadline,
                        Done<ChangedKey> done) {
  EditKey(
      caller, permission::kKeysUpdate, params, {"EnableKey", Admission::kGrowth}, deadline,
      [this](const StateReader&, KeyRecord& key, ChangedKey&) -> absl::StatusOr<Edited> {
        const bool changed = key.disabled;
        if (absl::Status s = claviger::Enable(key, clock_.Now()); !s.ok()) return s;
        return Edited{changed, ""};
      },
      std::move(done));
}

void KeyManager::Revoke(const Caller& caller, const ChangeParams& params, RevokeReason reason,
                        std::string note, absl::Duration deadline, Done<ChangedKey> done) {
  EditKey(
      caller, permission::kKeysRevoke, params, {"RevokeKey", Admission::kReduction, true, true},
      deadline,
      [this, reason, note = std::move(note)](const StateReader&, KeyRecord& key,
                                             ChangedKey& result) -> absl::StatusOr<Edited> {
        const bool changed = !key.revocation.has_value();
        claviger::Revoke(key, clock_.Now(), reason, note);
        result.restricting = true;
        return Edited{changed, note};
      },
      std::move(done));
}

}  // namespace claviger
