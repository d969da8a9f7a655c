#include "server/audit/refusal_recorder.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "core/status.h"
#include "fmt/format.h"
#include "server/logging/log.h"

namespace claviger {
namespace {

// The project of the key that `draft` names, where there is such a key.
void CompleteProject(const StateReader& state, AuditDraft& draft) {
  const std::optional<KeyId> id = KeyId::Parse(draft.key_id);
  if (!id.has_value()) return;
  const auto key = state.FindKey(*id);
  if (key.ok() && *key != nullptr) draft.project_id = (*key)->project_id;
}

void LogRefusal(const AuditDraft& draft, const absl::StatusOr<Committed>& committed) {
  const std::string revision =
      committed.ok() ? fmt::format("{}", committed->revision.value) : std::string();
  log::Info("call refused", {{"action", draft.action},
                             {"actor", draft.actor},
                             {"peer", draft.peer},
                             {"project_id", draft.project_id},
                             {"key_id", draft.key_id},
                             {"reason", draft.refusal},
                             {"detail", draft.detail},
                             {"revision", revision}});
}

}  // namespace

RefusalRecorder::RefusalRecorder(KeyStore& store, const Clock& clock, AuditMetrics& metrics,
                                 const Limits& limits)
    : store_(store),
      clock_(clock),
      metrics_(metrics),
      limits_(limits),
      room_(limits.burst),
      counted_from_(clock.SinceBoot()) {}

bool RefusalRecorder::Admit() {
  const absl::Duration now = clock_.SinceBoot();
  absl::MutexLock lock(&mutex_);
  if (now >= counted_from_ + limits_.interval) {
    absl::Duration rest;
    const int64_t grown = absl::IDivDuration(now - counted_from_, limits_.interval, &rest);
    room_ = std::min(limits_.burst, room_ + static_cast<uint64_t>(grown));
    counted_from_ = now - rest;
  }
  if (room_ == 0) {
    ++left_out_;
    metrics_.CountLeftOut();
    return false;
  }
  --room_;
  return true;
}

void RefusalRecorder::Record(AuditDraft draft) { Write(std::move(draft)); }

void RefusalRecorder::RecordLeftOut() {
  uint64_t left_out = 0;
  {
    absl::MutexLock lock(&mutex_);
    left_out = std::exchange(left_out_, 0);
  }
  if (left_out == 0) return;
  Write({.actor = "system",
         .peer = "",
         .action = kLeftOutAction,
         .project_id = "",
         .key_id = "",
         .detail = fmt::format("{} refused calls were left out: too many came at once", left_out),
         .refusal = std::string(ReasonName(Reason::kOverloaded))});
}

void RefusalRecorder::Write(AuditDraft draft) {
  const auto entry = std::make_shared<AuditDraft>(std::move(draft));
  store_.Commit(
      [entry](const StateReader& state) -> absl::StatusOr<ChangeSet> {
        CompleteProject(state, *entry);
        ChangeSet changes;
        changes.audit = *entry;
        changes.only_audit = true;
        changes.unseen_by_verifiers = true;
        return changes;
      },
      [entry, &metrics = metrics_](const absl::StatusOr<Committed>& committed) {
        LogRefusal(*entry, committed);
        if (committed.ok()) return;
        metrics.CountEntries(AuditOutcome::kFailed, 1);
        log::Warning("a refused call is not in the audit log",
                     {{"why", std::string(committed.status().message())}});
      });
}

}  // namespace claviger
