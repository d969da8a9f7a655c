#include "server/manage/errors.h"

#include "core/status.h"
#include "fmt/format.h"

namespace claviger {

absl::Status KeyNotFound(const KeyId& id) {
  return ErrorBuilder(absl::StatusCode::kNotFound, Reason::kKeyNotFound)
      .Resource("key", id.ToString())
      .Build(fmt::format("key_id: there is no key {}", id.text()));
}

absl::Status ProjectNotFound(const std::string& project_id) {
  return ErrorBuilder(absl::StatusCode::kNotFound, Reason::kProjectNotFound)
      .Resource("project", project_id)
      .Build(fmt::format("project_id: there is no project {}", project_id));
}

absl::Status RevokedKeyIsFinal(const KeyId& id) {
  return ErrorBuilder(absl::StatusCode::kFailedPrecondition, Reason::kKeyRevoked)
      .Resource("key", id.ToString())
      .Build(fmt::format("key {} is revoked, and that is final", id.text()));
}

absl::StatusOr<std::shared_ptr<const ProjectRecord>> FindLiveProject(
    const StateReader& state, const std::string& project_id) {
  absl::StatusOr<std::shared_ptr<const ProjectRecord>> project = state.FindProject(project_id);
  if (!project.ok()) return project.status();
  if (*project == nullptr || (*project)->delete_time.has_value()) {
    return ProjectNotFound(project_id);
  }
  return project;
}

absl::Status CheckRevision(Revision wanted, Revision current) {
  if (wanted == Revision{} || wanted == current) return absl::OkStatus();
  return ErrorBuilder(absl::StatusCode::kAborted, Reason::kStaleRevision)
      .Build(fmt::format(
          "if_revision: {} is not the current revision, which is {}; read again and retry",
          wanted.value, current.value));
}

}  // namespace claviger
