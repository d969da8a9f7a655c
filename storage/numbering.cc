#include "storage/numbering.h"

#include <memory>
#include <string>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "core/status.h"
#include "fmt/format.h"

namespace claviger {
namespace {

absl::Status Defect(const KeyId& id, std::string_view what) {
  return ErrorBuilder(absl::StatusCode::kInternal, Reason::kInternal)
      .Build(fmt::format("a mutation would write key {} {}", id.text(), what));
}

absl::Status CheckReplacement(const KeyRecord& old_key, const KeyRecord& new_key) {
  if (old_key.project_id != new_key.project_id) return Defect(new_key.id, "to another project");
  if (old_key.create_time != new_key.create_time) {
    return Defect(new_key.id, "with another create time");
  }
  if (old_key.revocation.has_value() && !new_key.revocation.has_value()) {
    return Defect(new_key.id, "as no longer revoked");
  }
  return absl::OkStatus();
}

// From the deletion of a project on, its keys can only be taken away.
absl::Status CheckProjectIsThere(const KeyRecord& key, const StateReader& state) {
  if (key.revocation.has_value()) return absl::OkStatus();
  const auto project = state.FindProject(key.project_id);
  if (!project.ok()) return project.status();
  if (*project == nullptr || !(*project)->delete_time.has_value()) return absl::OkStatus();
  return ErrorBuilder(absl::StatusCode::kNotFound, Reason::kProjectNotFound)
      .Resource("project", key.project_id)
      .Build(fmt::format("project_id: there is no project {}", key.project_id));
}

}  // namespace

absl::StatusOr<NumberedChange> Number(ChangeSet changes, Revision revision, absl::Time now,
                                      const StateReader& state) {
  NumberedChange numbered;
  Committed& committed = numbered.committed;
  committed.revision = revision;
  committed.changed = true;

  absl::flat_hash_set<KeyId> seen;
  for (KeyRecord& key : changes.put_keys) {
    if (!seen.insert(key.id).second) return Defect(key.id, "twice");
    auto replaced = state.FindKey(key.id);
    if (!replaced.ok()) return replaced.status();
    if (*replaced != nullptr) {
      if (auto status = CheckReplacement(**replaced, key); !status.ok()) return status;
    }
    if (auto status = CheckProjectIsThere(key, state); !status.ok()) return status;
    key.revision = revision;
    committed.keys.push_back(std::make_shared<const KeyRecord>(std::move(key)));
    numbered.replaced_keys.push_back(*std::move(replaced));
  }
  for (const KeyId& id : changes.delete_keys) {
    if (!seen.insert(id).second) return Defect(id, "twice");
    auto deleted = state.FindKey(id);
    if (!deleted.ok()) return deleted.status();
    if (*deleted == nullptr) continue;
    if (!(*deleted)->delete_time.has_value()) return Defect(id, "away without a delete time");
    committed.deleted_keys.push_back(*std::move(deleted));
  }
  for (ProjectRecord& project : changes.put_projects) {
    project.revision = revision;
    committed.projects.push_back(std::make_shared<const ProjectRecord>(std::move(project)));
  }
  committed.deleted_projects = std::move(changes.delete_projects);
  if (changes.put_request.has_value()) {
    numbered.request = std::make_shared<const RequestRecord>(*std::move(changes.put_request));
  }
  numbered.canaries = std::move(changes.put_canaries);
  numbered.deleted_canaries = std::move(changes.delete_canaries);
  numbered.longest_lease = changes.put_longest_lease;
  committed.unseen_by_verifiers = changes.unseen_by_verifiers;
  committed.only_audit = changes.only_audit;
  committed.refusal = !changes.audit.refusal.empty();
  numbered.audit = std::move(changes.audit);
  numbered.time = now;
  return numbered;
}

}  // namespace claviger
