#include "server/sync/barrier.h"

#include <algorithm>
#include <utility>

#include "server/sync/session.h"

namespace claviger::sync {

Barrier::Barrier(Revision revision, absl::flat_hash_set<const Session*> waits_for, int acked,
                 absl::Duration begun, absl::Duration not_before, absl::Duration deadline)
    : revision_(revision),
      waits_for_(std::move(waits_for)),
      acked_(acked),
      begun_(begun),
      not_before_(not_before),
      deadline_(deadline),
      first_lease_end_(FirstLeaseEnd()) {}

void Barrier::Check(const Session* session, absl::Duration now) {
  if (!waits_for_.contains(session)) return;
  if (session->HasReached(revision_)) {
    ++acked_;
  } else if (!session->HoldsLease(now)) {
    ++expired_;
  } else {
    return;
  }
  waits_for_.erase(session);
}

void Barrier::CheckAll(absl::Duration now) {
  const std::vector<const Session*> all(waits_for_.begin(), waits_for_.end());
  for (const Session* session : all) Check(session, now);
  first_lease_end_ = FirstLeaseEnd();
}

bool Barrier::Ended(absl::Duration now) const {
  return now >= deadline_ || (waits_for_.empty() && now >= not_before_);
}

BarrierReport Barrier::Report(absl::Duration now) const {
  BarrierReport report;
  report.revision = revision_;
  report.acked_sessions = acked_;
  report.expired_sessions = expired_;
  report.pending_sessions = static_cast<int>(waits_for_.size());
  report.waited = now - begun_;
  if (waits_for_.empty() && now >= not_before_) {
    // Waiting out the leases of before a restart is waiting out leases, even if nobody turns up who
    // had one.
    report.outcome = expired_ > 0 || not_before_ > begun_ ? BarrierOutcome::kLeasesExpired
                                                          : BarrierOutcome::kAllAcked;
    return report;
  }
  report.outcome = BarrierOutcome::kPending;
  // A lease that comes later comes behind the invalidation, so those of now are what counts.
  absl::Duration safe_from = not_before_;
  for (const Session* session : waits_for_) {
    safe_from = std::max(safe_from, session->lease_end());
  }
  report.safe_in = std::max(safe_from - now, absl::ZeroDuration());
  return report;
}

absl::Duration Barrier::NextLook() const {
  if (waits_for_.empty()) return std::min(deadline_, not_before_);
  return std::min(deadline_, first_lease_end_);
}

absl::Duration Barrier::FirstLeaseEnd() const {
  absl::Duration first = absl::InfiniteDuration();
  for (const Session* session : waits_for_) first = std::min(first, session->lease_end());
  return first;
}

}  // namespace claviger::sync
