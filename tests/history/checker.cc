#include "tests/history/checker.h"

#include <algorithm>

#include "fmt/format.h"

namespace claviger::history {

std::string_view RevokeOutcomeName(RevokeOutcome outcome) {
  switch (outcome) {
    case RevokeOutcome::kNone:
      return "NONE";
    case RevokeOutcome::kAllAcked:
      return "ALL_ACKED";
    case RevokeOutcome::kLeasesExpired:
      return "LEASES_EXPIRED";
    case RevokeOutcome::kPending:
      return "PENDING";
  }
  return "UNKNOWN";
}

absl::Duration PromisedFrom(const Revoke& revoke) {
  switch (revoke.outcome) {
    case RevokeOutcome::kNone:
      return absl::InfiniteDuration();
    case RevokeOutcome::kAllAcked:
    case RevokeOutcome::kLeasesExpired:
      return revoke.returned;
    case RevokeOutcome::kPending:
      return revoke.returned + revoke.safe_in;
  }
  return absl::InfiniteDuration();
}

std::vector<Violation> FindViolations(const Revoke& revoke, std::span<const Seen> seen) {
  const absl::Duration promised = PromisedFrom(revoke);
  std::vector<Violation> violations;
  for (size_t process = 0; process < seen.size(); ++process) {
    const Seen& one = seen[process];
    if (one.last_accepted_start > promised) {
      violations.push_back(
          {ViolationKind::kAcceptedAfterPromise, process, one.last_accepted_start - promised});
    }
    if (one.first_denied_end < revoke.called) {
      violations.push_back(
          {ViolationKind::kDeniedBeforeRevoke, process, revoke.called - one.first_denied_end});
    }
  }
  return violations;
}

std::string Describe(const Violation& violation) {
  const std::string by = absl::FormatDuration(violation.by);
  switch (violation.kind) {
    case ViolationKind::kAcceptedAfterPromise:
      return fmt::format("process {} began a check {} after the promise, and accepted",
                         violation.process, by);
    case ViolationKind::kDeniedBeforeRevoke:
      return fmt::format("process {} denied {} before the revoke was asked for", violation.process,
                         by);
  }
  return "unknown";
}

absl::Duration Percentile(std::vector<absl::Duration> values, int percent) {
  if (values.empty()) return absl::ZeroDuration();
  const size_t rank = (values.size() * static_cast<size_t>(percent) + 99) / 100;
  const auto nth = values.begin() + static_cast<ptrdiff_t>(std::max<size_t>(rank, 1) - 1);
  std::nth_element(values.begin(), nth, values.end());
  return *nth;
}

}  // namespace claviger::history
