#include "server/manage/caller.h"

#include <algorithm>
#include <utility>

#include "core/status.h"
#include "fmt/format.h"
#include "server/manage/permissions.h"

namespace claviger {

Caller Caller::FromKey(std::shared_ptr<const KeyRecord> key, std::string peer) {
  Caller caller;
  caller.key_ = std::move(key);
  caller.peer_ = std::move(peer);
  return caller;
}

Caller Caller::FromCertificate(std::shared_ptr<const CertificateIdentity> identity,
                               std::string peer) {
  Caller caller;
  caller.certificate_ = std::move(identity);
  caller.peer_ = std::move(peer);
  return caller;
}

bool Caller::Has(std::string_view permission) const {
  if (key_ != nullptr && key_->project_id != kManagementProject) return false;
  const ScopeSet& held = key_ != nullptr ? key_->scopes : certificate_->permissions;
  return held.Covers(permission) || held.Covers(permission::kSettingsManage);
}

const std::vector<std::string>& Caller::projects() const {
  return key_ != nullptr ? key_->bound_project_ids : certificate_->project_ids;
}

bool Caller::IsBoundTo(std::string_view project_id) const {
  const std::vector<std::string>& bound = projects();
  return bound.empty() || std::binary_search(bound.begin(), bound.end(), project_id);
}

absl::Status Caller::Require(std::string_view permission) const {
  if (Has(permission)) return absl::OkStatus();
  return ErrorBuilder(absl::StatusCode::kPermissionDenied, Reason::kPermissionDenied)
      .Build(fmt::format("the caller lacks the permission {}", permission));
}

absl::Status Caller::RequireCanGrant(const ScopeSet& permissions,
                                     const std::vector<std::string>& project_ids) const {
  const auto escalation = [](std::string message) {
    return ErrorBuilder(absl::StatusCode::kPermissionDenied, Reason::kPrivilegeEscalation)
        .Build(std::move(message));
  };
  for (const std::string& wanted : permissions.scopes()) {
    if (!Has(wanted)) {
      return escalation(
          fmt::format("scopes: a caller without the permission {} cannot give it", wanted));
    }
  }
  if (acts_in_all_projects()) return absl::OkStatus();
  if (project_ids.empty()) {
    return escalation(
        "bound_project_ids: must name projects; a caller that is bound to projects cannot make a "
        "key for all");
  }
  for (const std::string& project_id : project_ids) {
    if (!IsBoundTo(project_id)) {
      return escalation(fmt::format(
          "bound_project_ids: a caller that is not bound to {} cannot give it", project_id));
    }
  }
  return absl::OkStatus();
}

std::string Caller::actor() const {
  const auto [kind, name] = actor_parts();
  return fmt::format("{}{}", kind, name);
}

std::pair<std::string_view, std::string_view> Caller::actor_parts() const {
  if (key_ != nullptr) return {"key:", key_->id.text()};
  return {"cert:", certificate_->san};
}

std::optional<KeyId> Caller::key_id() const {
  if (key_ == nullptr) return std::nullopt;
  return key_->id;
}

std::string Caller::certificate_san() const {
  return certificate_ != nullptr ? certificate_->san : std::string();
}

}  // namespace claviger
