// ProjectManager::Delete.

#include <utility>

#include "core/status.h"
#include "fmt/format.h"
#include "server/manage/errors.h"
#include "server/manage/permissions.h"
#include "server/manage/project_manager.h"

namespace claviger {
namespace {

absl::Status CheckMayDelete(const Caller& caller, const std::string& project_id) {
  if (absl::Status s = caller.Require(permission::kProjectsManage); !s.ok()) return s;
  if (!caller.IsBoundTo(project_id)) return ProjectNotFound(project_id);
  if (!caller.acts_in_all_projects()) {
    return ErrorBuilder(absl::StatusCode::kPermissionDenied, Reason::kPermissionDenied)
        .Build("a caller that is bound to projects cannot delete one");
  }
  if (project_id != kManagementProject && project_id != kDefaultProject) return absl::OkStatus();
  return ErrorBuilder(absl::StatusCode::kFailedPrecondition, Reason::kProjectReserved)
      .Build(fmt::format("project_id: project {} cannot be deleted", project_id));
}

absl::Status HasKeys(const std::string& project_id) {
  return ErrorBuilder(absl::StatusCode::kFailedPrecondition, Reason::kProjectNotEmpty)
      .Resource("project", project_id)
      .Build(fmt::format("project_id: project {} has keys; only an empty project can be deleted, "
                         "unless revoke_keys is set",
                         project_id));
}

// `project`, which exists, at `now`.
absl::StatusOr<ChangeSet> DeleteNow(const StateReader& state, const Caller& caller,
                                    const ProjectDeletion& deletion, const ProjectRecord& project,
                                    absl::Time now, DeletedProject& result) {
  const absl::StatusOr<bool> has_keys = state.ProjectHasKeys(project.project_id);
  if (!has_keys.ok()) return has_keys.status();
  if (*has_keys && !deletion.revoke_keys) return HasKeys(project.project_id);
  result.restricting = *has_keys;
  ChangeSet changes;
  changes.audit =
      AuditOf(caller, "DeleteProject", project.project_id, "", *has_keys ? "with its keys" : "");
  changes.admission = Admission::kReduction;
  // Also without keys its id is free only after the sweep: management keys may be bound to it, and
  // would be good for the next project of that name.
  ProjectRecord deleted = project;
  deleted.delete_time = now;
  deleted.update_time = now;
  changes.put_projects.push_back(std::move(deleted));
  return changes;
}

}  // namespace

void ProjectManager::Delete(const Caller& caller, ProjectDeletion deletion, absl::Duration deadline,
                            Done<DeletedProject> done) {
  if (absl::Status s = CheckMayDelete(caller, deletion.project_id); !s.ok()) return done(s);
  const bool validate_only = deletion.validate_only;
  runner_.Run<DeletedProject>(
      deadline, validate_only,
      [this, caller, deletion = std::move(deletion)](
          const StateReader& state, DeletedProject& result) -> absl::StatusOr<ChangeSet> {
        absl::StatusOr<Project> project = state.FindProject(deletion.project_id);
        if (!project.ok()) return project.status();
        const bool deleted_before = *project != nullptr && (*project)->delete_time.has_value();
        if (*project == nullptr || (deleted_before && !deletion.revoke_keys)) {
          return ProjectNotFound(deletion.project_id);
        }
        if (absl::Status s = CheckRevision(deletion.if_revision, (*project)->revision); !s.ok()) {
          return s;
        }
        result.project = *project;
        if (!deleted_before) {
          return DeleteNow(state, caller, deletion, **project, clock_.Now(), result);
        }
        // Whoever asks again may have had no answer the first time: it is waited for again.
        result.restricting = true;
        result.revision = (*project)->revision;
        return ChangeSet{};
      },
      [this, done = std::move(done)](absl::StatusOr<DeletedProject> result,
                                     const Committed* committed) mutable {
        if (result.ok() && committed->changed) {
          result->revision = committed->revision;
          keys_to_remove_();
        }
        done(std::move(result));
      });
}

}  // namespace claviger
