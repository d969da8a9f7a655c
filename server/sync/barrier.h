// Waits until no verifier can accept what was true before a revision.
#ifndef CLAVIGER_SERVER_SYNC_BARRIER_H_
#define CLAVIGER_SERVER_SYNC_BARRIER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/time/time.h"
#include "core/revision.h"

namespace claviger::sync {

class Session;

enum class BarrierOutcome : uint8_t {
  kAllAcked,       // every session in scope said that it dropped the old state
  kLeasesExpired,  // some did not, but their leases ended
  kPending,        // the deadline came first
};

// How far a change had reached when its barrier ended.
struct BarrierReport {
  Revision revision;
  BarrierOutcome outcome = BarrierOutcome::kAllAcked;
  int acked_sessions = 0;
  int expired_sessions = 0;
  int pending_sessions = 0;
  absl::Duration waited = absl::ZeroDuration();
  // With kPending: from this long after the report on, no verifier accepts the old state.
  absl::Duration safe_in = absl::ZeroDuration();
};

// One wait. Pure: told the time and of what sessions do.
//
// Thread safety: none; belongs to the hub.
class Barrier {
 public:
  // `waits_for`: the sessions in scope that hold a lease and have not reached `revision`, each with
  // a pointer that stays good until it is no longer waited for. `acked`: how many in scope have
  // reached it already. Never ends before `not_before`, unless by its deadline.
  Barrier(Revision revision, absl::flat_hash_set<const Session*> waits_for, int acked,
          absl::Duration begun, absl::Duration not_before, absl::Duration deadline);

  // Looks at `session`, which acknowledged something or lost its lease.
  void Check(const Session* session, absl::Duration now);
  // Looks at all.
  void CheckAll(absl::Duration now);

  bool Ended(absl::Duration now) const;
  // How things stand.
  BarrierReport Report(absl::Duration now) const;
  // When to look again if nothing is heard, or earlier.
  absl::Duration NextLook() const;

  bool WaitsFor(const Session* session) const { return waits_for_.contains(session); }

 private:
  absl::Duration FirstLeaseEnd() const;

  const Revision revision_;
  absl::flat_hash_set<const Session*> waits_for_;
  int acked_;
  int expired_ = 0;
  const absl::Duration begun_;
  const absl::Duration not_before_;
  const absl::Duration deadline_;
  // No lease of those that are waited for ends earlier: leases only grow.
  absl::Duration first_lease_end_;
};

}  // namespace claviger::sync

#endif  // CLAVIGER_SERVER_SYNC_BARRIER_H_
