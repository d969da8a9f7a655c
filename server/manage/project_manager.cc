#include "server/manage/project_manager.h"

#include <utility>

#include "core/status.h"
#include "fmt/format.h"
#include "server/manage/errors.h"
#include "server/manage/permissions.h"
#include "server/manage/policy.h"

namespace claviger {
namespace {

absl::Status Reserved(const std::string& message) {
  return ErrorBuilder(absl::StatusCode::kFailedPrecondition, Reason::kProjectReserved)
      .Build(message);
}

absl::Status RequireAllProjects(const Caller& caller) {
  if (caller.acts_in_all_projects()) return absl::OkStatus();
  return ErrorBuilder(absl::StatusCode::kPermissionDenied, Reason::kPermissionDenied)
      .Build("a caller that is bound to projects cannot create one");
}

absl::Status ProjectExists(const ProjectRecord& project) {
  return ErrorBuilder(absl::StatusCode::kAlreadyExists, Reason::kProjectExists)
      .Resource("project", project.project_id)
      .Build(project.delete_time.has_value()
                 ? fmt::format("project.project_id: project {} is being deleted; its id is free "
                               "again once its last key is purged",
                               project.project_id)
                 : fmt::format("project.project_id: there is a project {} already",
                               project.project_id));
}

void ApplyMask(const ProjectRecord& values, const ProjectMask& mask, ProjectRecord& project) {
  if (mask.display_name) project.display_name = values.display_name;
  if (mask.key_prefix) project.key_prefix = values.key_prefix;
  if (mask.scope_catalog) project.scope_catalog = values.scope_catalog;
  if (mask.max_key_ttl) project.policy.max_key_ttl = values.policy.max_key_ttl;
  if (mask.default_key_ttl) project.policy.default_key_ttl = values.policy.default_key_ttl;
  if (mask.require_expiry) project.policy.require_expiry = values.policy.require_expiry;
  if (mask.allowed_cidrs_required) {
    project.policy.allowed_cidrs_required = values.policy.allowed_cidrs_required;
  }
}

bool SameValues(const ProjectRecord& a, const ProjectRecord& b) {
  return a.display_name == b.display_name && a.key_prefix == b.key_prefix &&
         a.scope_catalog == b.scope_catalog && a.policy == b.policy;
}

// Takes the final record, with its revision, from the commit.
MutationRunner::Complete<ProjectManager::Project> Finish(
    ProjectManager::Done<ProjectManager::Project> done) {
  return [done = std::move(done)](absl::StatusOr<ProjectManager::Project> result,
                                  const Committed* committed) mutable {
    if (result.ok() && !committed->projects.empty()) *result = committed->projects.front();
    done(std::move(result));
  };
}

// The project, if it exists and is at the wanted revision.
absl::StatusOr<ProjectManager::Project> FindAt(const StateReader& state,
                                               const std::string& project_id,
                                               Revision if_revision) {
  absl::StatusOr<ProjectManager::Project> project = FindLiveProject(state, project_id);
  if (!project.ok()) return project.status();
  if (absl::Status s = CheckRevision(if_revision, (*project)->revision); !s.ok()) return s;
  return project;
}

}  // namespace

ProjectManager::ProjectManager(KeyStore& store, const Clock& clock, KeysToRemove keys_to_remove)
    : store_(store),
      clock_(clock),
      keys_to_remove_(std::move(keys_to_remove)),
      runner_(store, clock) {}

void ProjectManager::Create(const Caller& caller, ProjectRecord project, bool validate_only,
                            absl::Duration deadline, Done<Project> done) {
  if (absl::Status s = caller.Require(permission::kProjectsManage); !s.ok()) return done(s);
  if (absl::Status s = RequireAllProjects(caller); !s.ok()) return done(s);
  if (absl::Status s = CheckPolicy(project.policy); !s.ok()) return done(s);
  runner_.Run<Project>(
      deadline, validate_only,
      [this, caller, project = std::move(project)](
          const StateReader& state, Project& result) mutable -> absl::StatusOr<ChangeSet> {
        absl::StatusOr<Project> existing = state.FindProject(project.project_id);
        if (!existing.ok()) return existing.status();
        if (*existing != nullptr) {
          return ProjectExists(**existing);
        }
        project.create_time = clock_.Now();
        project.update_time = project.create_time;
        result = std::make_shared<const ProjectRecord>(project);
        ChangeSet changes;
        changes.audit = AuditOf(caller, "CreateProject", project.project_id, "", "");
        changes.put_projects.push_back(std::move(project));
        return changes;
      },
      Finish(std::move(done)));
}

void ProjectManager::Update(const Caller& caller, ProjectRecord values, ProjectMask mask,
                            Revision if_revision, bool validate_only, absl::Duration deadline,
                            Done<Project> done) {
  if (absl::Status s = caller.Require(permission::kProjectsManage); !s.ok()) return done(s);
  if (!caller.IsBoundTo(values.project_id)) return done(ProjectNotFound(values.project_id));
  if (values.project_id == kManagementProject && (mask.scope_catalog || mask.key_prefix)) {
    return done(
        Reserved("update_mask: scope_catalog and key_prefix of project claviger are fixed"));
  }
  runner_.Run<Project>(
      deadline, validate_only,
      [this, caller, values = std::move(values), mask, if_revision](
          const StateReader& state, Project& result) -> absl::StatusOr<ChangeSet> {
        absl::StatusOr<Project> current = FindAt(state, values.project_id, if_revision);
        if (!current.ok()) return current.status();
        ProjectRecord project = **current;
        ApplyMask(values, mask, project);
        if (absl::Status s = CheckPolicy(project.policy); !s.ok()) return s;
        if (SameValues(project, **current)) {
          result = *current;
          return ChangeSet{};
        }
        project.update_time = clock_.Now();
        result = std::make_shared<const ProjectRecord>(project);
        ChangeSet changes;
        changes.audit = AuditOf(caller, "UpdateProject", project.project_id, "", "");
        changes.put_projects.push_back(std::move(project));
        return changes;
      },
      Finish(std::move(done)));
}

absl::StatusOr<ProjectManager::Project> ProjectManager::Get(const Caller& caller,
                                                            const std::string& project_id) const {
  if (absl::Status s = caller.Require(permission::kProjectsRead); !s.ok()) return s;
  if (!caller.IsBoundTo(project_id)) return ProjectNotFound(project_id);
  return FindAt(store_, project_id, Revision{});
}

absl::StatusOr<ProjectPage> ProjectManager::List(const Caller& caller, const std::string& after,
                                                 size_t limit) const {
  if (absl::Status s = caller.Require(permission::kProjectsRead); !s.ok()) return s;
  ProjectPage page;
  absl::Status scanned = store_.ScanProjects(after, [&](const ProjectRecord& project) {
    if (!caller.IsBoundTo(project.project_id) || project.delete_time.has_value()) return true;
    if (page.projects.size() == limit) {
      page.next_after = page.projects.back().project_id;
      return false;
    }
    page.projects.push_back(project);
    return true;
  });
  if (!scanned.ok()) return scanned;
  return page;
}

ProjectRecord BuiltInProject(std::string_view project_id, absl::Time now) {
  ProjectRecord project;
  project.project_id = project_id;
  project.display_name = project_id == kManagementProject ? "Management keys" : "Default";
  if (project_id == kManagementProject) {
    project.scope_catalog =
        ScopeSet::FromTrusted({permission::kAll.begin(), permission::kAll.end()});
  }
  project.create_time = now;
  project.update_time = now;
  return project;
}

}  // namespace claviger
