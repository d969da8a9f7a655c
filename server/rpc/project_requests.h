// Projects' requests in the authority's own terms. Each returns INVALID_ARGUMENT naming all bad
// fields.
#ifndef CLAVIGER_SERVER_RPC_PROJECT_REQUESTS_H_
#define CLAVIGER_SERVER_RPC_PROJECT_REQUESTS_H_

#include <string>

#include "absl/status/statusor.h"
#include "claviger/v1/project.pb.h"
#include "core/key_record.h"
#include "server/manage/project_manager.h"

namespace claviger {

// The project that `request` asks for, with the default prefix where it names none.
absl::StatusOr<ProjectRecord> ToNewProject(const v1::CreateProjectRequest& request);

struct ProjectUpdate {
  ProjectRecord values;
  ProjectMask mask;
};
absl::StatusOr<ProjectUpdate> ToProjectUpdate(const v1::UpdateProjectRequest& request);

absl::StatusOr<std::string> ToProjectId(const std::string& project_id);

}  // namespace claviger

#endif  // CLAVIGER_SERVER_RPC_PROJECT_REQUESTS_H_
