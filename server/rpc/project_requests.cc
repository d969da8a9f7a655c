#include "server/rpc/project_requests.h"

#include <array>
#include <string_view>

#include "core/key_format.h"
#include "core/text.h"
#include "fmt/format.h"
#include "server/rpc/field_errors.h"
#include "server/rpc/request_fields.h"

namespace claviger {
namespace {

struct MaskPath {
  std::string_view path;
  bool ProjectMask::*field;
};

constexpr std::array kMaskPaths = {
    MaskPath{"display_name", &ProjectMask::display_name},
    MaskPath{"key_prefix", &ProjectMask::key_prefix},
    MaskPath{"scope_catalog", &ProjectMask::scope_catalog},
    MaskPath{"policy", &ProjectMask::max_key_ttl},
    MaskPath{"policy", &ProjectMask::default_key_ttl},
    MaskPath{"policy", &ProjectMask::require_expiry},
    MaskPath{"policy", &ProjectMask::allowed_cidrs_required},
    MaskPath{"policy.max_key_ttl", &ProjectMask::max_key_ttl},
    MaskPath{"policy.default_key_ttl", &ProjectMask::default_key_ttl},
    MaskPath{"policy.require_expiry", &ProjectMask::require_expiry},
    MaskPath{"policy.allowed_cidrs_required", &ProjectMask::allowed_cidrs_required},
};

constexpr const char* kAcceptedPaths =
    "must be among display_name, key_prefix, scope_catalog, policy, policy.max_key_ttl, "
    "policy.default_key_ttl, policy.require_expiry, policy.allowed_cidrs_required";

ProjectRecord ReadProject(const v1::Project& project, FieldErrors& errors) {
  ProjectRecord record;
  record.project_id = field::ReadProjectId("project.project_id", project.project_id(), errors);
  record.display_name =
      field::ReadName("project.display_name", project.display_name(), kMaxNameCharacters, errors);
  if (!project.key_prefix().empty()) {
    record.key_prefix = project.key_prefix();
    if (!IsValidKeyPrefix(record.key_prefix)) {
      errors.Add("project.key_prefix", "must match [a-z][a-z0-9]{1,15}");
    }
  }
  record.scope_catalog =
      field::ReadScopes("project.scope_catalog", project.scope_catalog(), errors);
  if (project.policy().has_max_key_ttl()) {
    record.policy.max_key_ttl =
        field::ReadDuration("project.policy.max_key_ttl", project.policy().max_key_ttl(), errors);
  }
  if (project.policy().has_default_key_ttl()) {
    record.policy.default_key_ttl = field::ReadDuration("project.policy.default_key_ttl",
                                                        project.policy().default_key_ttl(), errors);
  }
  record.policy.require_expiry = project.policy().require_expiry();
  record.policy.allowed_cidrs_required = project.policy().allowed_cidrs_required();
  return record;
}

ProjectMask ReadMask(const google::protobuf::FieldMask& mask, FieldErrors& errors) {
  ProjectMask fields;
  if (mask.paths().empty()) errors.Check(RequiredField("update_mask", kAcceptedPaths));
  for (int i = 0; i < mask.paths_size(); ++i) {
    bool known = false;
    for (const MaskPath& candidate : kMaskPaths) {
      if (candidate.path != mask.paths(i)) continue;
      fields.*candidate.field = true;
      known = true;
    }
    if (!known) errors.Add(fmt::format("update_mask.paths[{}]", i), kAcceptedPaths);
  }
  return fields;
}

}  // namespace

absl::StatusOr<ProjectRecord> ToNewProject(const v1::CreateProjectRequest& request) {
  FieldErrors errors;
  ProjectRecord project = ReadProject(request.project(), errors);
  if (!errors.ok()) return errors.ToStatus();
  return project;
}

absl::StatusOr<ProjectUpdate> ToProjectUpdate(const v1::UpdateProjectRequest& request) {
  FieldErrors errors;
  ProjectUpdate update;
  update.values = ReadProject(request.project(), errors);
  update.mask = ReadMask(request.update_mask(), errors);
  if (!errors.ok()) return errors.ToStatus();
  return update;
}

absl::StatusOr<std::string> ToProjectId(const std::string& project_id) {
  FieldErrors errors;
  std::string id = field::ReadProjectId("project_id", project_id, errors);
  if (!errors.ok()) return errors.ToStatus();
  return id;
}

}  // namespace claviger
