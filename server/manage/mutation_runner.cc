#include "server/manage/mutation_runner.h"

#include <string>

#include "core/status.h"
#include "server/logging/log.h"

namespace claviger {

absl::Status MutationRunner::CheckDeadline(absl::Duration deadline) const {
  if (clock_.SinceBoot() <= deadline) return absl::OkStatus();
  return ErrorBuilder(absl::StatusCode::kDeadlineExceeded, Reason::kDeadlineExceeded)
      .Build("the deadline passed before the change was begun; nothing was written");
}

absl::Status MutationRunner::CheckAdmins(const ChangeSet& changes, const StateReader& state) const {
  return admins_ == nullptr ? absl::OkStatus() : admins_->Check(changes, state, clock_.Now());
}

void MutationRunner::LogMutation(const AuditDraft& audit, Revision revision) {
  log::Info("mutation", {{"action", audit.action},
                         {"actor", audit.actor},
                         {"peer", audit.peer},
                         {"project_id", audit.project_id},
                         {"key_id", audit.key_id},
                         {"detail", audit.detail},
                         {"revision", std::to_string(revision.value)}});
}

AuditDraft AuditOf(const Caller& caller, std::string action, std::string project_id,
                   std::string key_id, std::string detail) {
  return {.actor = caller.actor(),
          .peer = caller.peer(),
          .action = std::move(action),
          .project_id = std::move(project_id),
          .key_id = std::move(key_id),
          .detail = std::move(detail)};
}

}  // namespace claviger
