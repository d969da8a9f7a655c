#include "server/rpc/change_answers.h"

#include <algorithm>

namespace claviger {
namespace {

// The outcomes' numbers differ by one: 0 is UNSPECIFIED on the wire.
static_assert(static_cast<int>(sync::BarrierOutcome::kAllAcked) + 1 ==
              v1::PROPAGATION_OUTCOME_ALL_ACKED);
static_assert(static_cast<int>(sync::BarrierOutcome::kLeasesExpired) + 1 ==
              v1::PROPAGATION_OUTCOME_LEASES_EXPIRED);
static_assert(static_cast<int>(sync::BarrierOutcome::kPending) + 1 ==
              v1::PROPAGATION_OUTCOME_PENDING);

}  // namespace

void FillPropagation(const sync::BarrierReport& report, v1::Propagation& out) {
  out.set_revision(report.revision.value);
  out.set_outcome(static_cast<v1::PropagationOutcome>(static_cast<int>(report.outcome) + 1));
  out.set_acked_sessions(report.acked_sessions);
  out.set_expired_sessions(report.expired_sessions);
  out.set_pending_sessions(report.pending_sessions);
  FillDuration(report.waited, *out.mutable_waited());
  if (report.outcome == sync::BarrierOutcome::kPending) {
    FillDuration(report.safe_in, *out.mutable_safe_in());
  }
}

absl::Duration AnswerBy(absl::Duration deadline, absl::Duration now) {
  return deadline -
         std::clamp((deadline - now) / 10, absl::Milliseconds(5), absl::Milliseconds(200));
}

absl::Duration WaitUntil(v1::PropagationMode mode, absl::Duration deadline, absl::Duration now) {
  return mode == v1::PROPAGATION_MODE_COMMIT ? now : AnswerBy(deadline, now);
}

}  // namespace claviger
