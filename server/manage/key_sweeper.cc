#include "server/manage/key_sweeper.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "absl/synchronization/blocking_counter.h"
#include "absl/synchronization/mutex.h"
#include "core/lifecycle.h"
#include "fmt/format.h"
#include "server/logging/log.h"

namespace claviger {
namespace {

// Mutations under way at a time.
constexpr size_t kSlice = 128;

AuditDraft SystemAudit(std::string action, std::string project_id, std::string key_id,
                       std::string detail) {
  AuditDraft audit;
  audit.actor = "system";
  audit.action = std::move(action);
  audit.project_id = std::move(project_id);
  audit.key_id = std::move(key_id);
  audit.detail = std::move(detail);
  return audit;
}

// Of a key that its project's deletion has stopped already: no verifier needs to hear of it.
Mutation RemoveWithProject(const KeyId& id, absl::Time project_deleted) {
  return [id, project_deleted](const StateReader& state) -> absl::StatusOr<ChangeSet> {
    const absl::StatusOr<std::shared_ptr<const KeyRecord>> current = state.FindKey(id);
    if (!current.ok()) return current.status();
    if (*current == nullptr || (*current)->delete_time.has_value()) return ChangeSet{};
    KeyRecord key = **current;
    RevokeWithProject(key, project_deleted);
    Delete(key, project_deleted, RevokeReason::kUnspecified, "");
    ChangeSet changes;
    changes.audit =
        SystemAudit("DeleteKey", key.project_id, id.ToString(), "the project was deleted");
    changes.admission = Admission::kGrowth;  // the reserve is for what takes access away
    changes.unseen_by_verifiers = true;
    changes.put_keys.push_back(std::move(key));
    return changes;
  };
}

// Takes `project` out of the binding of a management key. One that is bound to nothing else goes
// with it: an empty binding would be one to all projects.
Mutation Unbind(const KeyId& id, const ProjectRecord& project) {
  return [id, project_id = project.project_id, project_deleted = *project.delete_time](
             const StateReader& state) -> absl::StatusOr<ChangeSet> {
    const absl::StatusOr<std::shared_ptr<const KeyRecord>> current = state.FindKey(id);
    if (!current.ok()) return current.status();
    if (*current == nullptr || (*current)->revocation.has_value()) return ChangeSet{};
    KeyRecord key = **current;
    const auto it =
        std::find(key.bound_project_ids.begin(), key.bound_project_ids.end(), project_id);
    if (it == key.bound_project_ids.end()) return ChangeSet{};
    ChangeSet changes;
    const bool only_this = key.bound_project_ids.size() == 1;
    if (only_this) {
      RevokeWithProject(key, project_deleted);
    } else {
      key.bound_project_ids.erase(it);
      key.update_time = std::max(key.update_time, project_deleted);
    }
    changes.audit = SystemAudit(only_this ? "RevokeKey" : "UnbindKey", key.project_id,
                                id.ToString(), fmt::format("project {} was deleted", project_id));
    changes.admission = Admission::kReduction;  // fewer may call
    changes.put_keys.push_back(std::move(key));
    return changes;
  };
}

// A check of it answers REVOKED before and NOT_FOUND after: no verifier needs to hear of it.
Mutation PurgeKey(const KeyId& id, absl::Time deleted_by) {
  return [id, deleted_by](const StateReader& state) -> absl::StatusOr<ChangeSet> {
    const absl::StatusOr<std::shared_ptr<const KeyRecord>> key = state.FindKey(id);
    if (!key.ok()) return key.status();
    // Shown again meanwhile, and perhaps deleted once more.
    if (*key == nullptr || !((*key)->delete_time.value_or(absl::InfiniteFuture()) <= deleted_by)) {
      return ChangeSet{};
    }
    ChangeSet changes;
    changes.audit = SystemAudit("PurgeKey", (*key)->project_id, id.ToString(), "");
    changes.admission = Admission::kGrowth;  // until it is compacted, and with its audit entry
    changes.unseen_by_verifiers = true;
    changes.delete_keys.push_back(id);
    return changes;
  };
}

Mutation PurgeProject(const std::string& project_id) {
  return [project_id](const StateReader& state) -> absl::StatusOr<ChangeSet> {
    const auto project = state.FindProject(project_id);
    if (!project.ok()) return project.status();
    const absl::StatusOr<bool> has_keys = state.ProjectHasKeys(project_id);
    if (!has_keys.ok()) return has_keys.status();
    if (*project == nullptr || !(*project)->delete_time.has_value() || *has_keys) {
      return ChangeSet{};
    }
    ChangeSet changes;
    changes.audit = SystemAudit("PurgeProject", project_id, "", "");
    changes.admission = Admission::kGrowth;
    changes.delete_projects.push_back(project_id);
    return changes;
  };
}

}  // namespace

absl::Status KeySweeper::Run() {
  const absl::Status status = Sweep();
  // The store of a server that stops refuses changes.
  return stopping() ? absl::OkStatus() : status;
}

absl::Status KeySweeper::Sweep() {
  const absl::StatusOr<std::vector<Project>> projects = DeletedProjects();
  if (!projects.ok()) return projects.status();
  // Projects with keys that cannot be read do not keep the others from what is due, but stay.
  absl::Status damage;
  std::set<std::string> damaged;
  const auto is_damage = [&](const Project& project, const absl::Status& status) {
    if (!absl::IsDataLoss(status)) return false;
    damage.Update(status);
    damaged.insert(project->project_id);
    return true;
  };
  // Of all projects first: it takes access away, and goes on where a disk that is nearly full lets
  // nothing else in.
  for (const Project& project : *projects) {
    if (settled_.contains(project->project_id)) continue;
    const absl::Status unbound = UnbindManagementKeys(project);
    if (!unbound.ok() && !is_damage(project, unbound)) return unbound;
  }
  for (const Project& project : *projects) {
    if (settled_.contains(project->project_id)) continue;
    const absl::StatusOr<size_t> removed = RemoveKeys(project);
    if (!removed.ok() && !is_damage(project, removed.status())) return removed.status();
    if (damaged.contains(project->project_id)) continue;
    if (stopping()) return absl::OkStatus();
    settled_.insert(project->project_id);
    // At each start every deleted project is looked at again, for as long as the retention lasts.
    if (*removed == 0) continue;
    log::Info("the keys of a deleted project are deleted",
              {{"project_id", project->project_id}, {"keys", *removed}});
  }
  const absl::StatusOr<size_t> purged = PurgeKeys();
  if (!purged.ok()) return purged.status();
  if (*purged > 0) log::Info("deleted keys purged", {{"keys", *purged}});
  if (absl::Status s = PurgeProjects(*projects); !s.ok()) return s;
  return damage;
}

absl::StatusOr<std::vector<KeySweeper::Project>> KeySweeper::DeletedProjects() const {
  std::vector<Project> projects;
  absl::Status scanned = store_.ScanProjects("", [&](const ProjectRecord& project) {
    if (project.delete_time.has_value()) {
      projects.push_back(std::make_shared<const ProjectRecord>(project));
    }
    return true;
  });
  if (!scanned.ok()) return scanned;
  return projects;
}

absl::StatusOr<size_t> KeySweeper::RemoveKeys(const Project& project) {
  return ChangeEach(project->project_id, [&](const KeyRecord& key) -> Mutation {
    if (key.delete_time.has_value()) return nullptr;
    return RemoveWithProject(key.id, *project->delete_time);
  });
}

absl::Status KeySweeper::UnbindManagementKeys(const Project& project) {
  return ChangeEach(std::string(kManagementProject),
                    [&](const KeyRecord& key) -> Mutation {
                      const auto& bound = key.bound_project_ids;
                      if (key.revocation.has_value() ||
                          !std::binary_search(bound.begin(), bound.end(), project->project_id)) {
                        return nullptr;
                      }
                      return Unbind(key.id, *project);
                    })
      .status();
}

absl::StatusOr<size_t> KeySweeper::ChangeEach(const std::string& project_id, ChangeOf change) {
  size_t changed = 0;
  absl::Status damage;
  KeyScan scan{.project_id = project_id, .after = std::nullopt};
  scan.unreadable = [&damage](const KeyId&, const absl::Status& why) { damage.Update(why); };
  bool more = true;
  while (more && !stopping()) {
    more = false;
    std::vector<Mutation> slice;
    std::optional<KeyCursor> last;
    absl::Status scanned = store_.ScanKeys(scan, [&](const KeyRecord& key) {
      last = KeyCursor{key.create_time, key.id};
      if (Mutation mutation = change(key)) slice.push_back(std::move(mutation));
      more = slice.size() == kSlice;
      return !more && !stopping();
    });
    if (!scanned.ok()) return scanned;
    changed += slice.size();
    if (absl::Status s = CommitSlice(std::move(slice)); !s.ok()) return s;
    scan.after = last;
  }
  if (!damage.ok()) return damage;
  return changed;
}

absl::StatusOr<size_t> KeySweeper::PurgeKeys() {
  const absl::Time deleted_by = clock_.Now() - retention_;
  DeletionScan scan{.until = deleted_by, .after = std::nullopt};
  size_t purged = 0;
  while (!stopping()) {
    std::vector<Mutation> slice;
    std::optional<DeletionCursor> last;
    absl::Status scanned = store_.ScanDeletedKeys(scan, [&](const KeyRecord& key) {
      last = DeletionCursor{*key.delete_time, key.id};
      slice.push_back(PurgeKey(key.id, deleted_by));
      return slice.size() < kSlice;
    });
    if (!scanned.ok()) return scanned;
    if (slice.empty()) break;
    const size_t size = slice.size();
    if (absl::Status s = CommitSlice(std::move(slice)); !s.ok()) return s;
    purged += size;
    // From the beginning the scan would go over what was purged just now, again and again.
    scan.after = last;
  }
  return purged;
}

absl::Status KeySweeper::PurgeProjects(const std::vector<Project>& projects) {
  for (const Project& project : projects) {
    // Else somebody else's management keys could still be bound to an id that is free again.
    if (stopping() || !settled_.contains(project->project_id)) continue;
    const absl::StatusOr<bool> has_keys = store_.ProjectHasKeys(project->project_id);
    if (!has_keys.ok()) return has_keys.status();
    if (*has_keys) continue;
    std::vector<Mutation> slice;
    slice.push_back(PurgeProject(project->project_id));
    if (absl::Status s = CommitSlice(std::move(slice)); !s.ok()) return s;
    settled_.erase(project->project_id);
    log::Info("deleted project purged", {{"project_id", project->project_id}});
  }
  return absl::OkStatus();
}

absl::Status KeySweeper::CommitSlice(std::vector<Mutation> mutations) {
  absl::BlockingCounter left(static_cast<int>(mutations.size()));
  absl::Mutex mutex;
  absl::Status first_error;
  for (Mutation& mutation : mutations) {
    store_.Commit(std::move(mutation), [&](const absl::StatusOr<Committed>& committed) {
      {
        absl::MutexLock lock(&mutex);
        first_error.Update(committed.status());
      }
      left.DecrementCount();
    });
  }
  left.Wait();
  return first_error;
}

}  // namespace claviger
