#include "server/app/sync_setup.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/synchronization/notification.h"
#include "server/logging/log.h"

namespace claviger {
namespace {

constexpr size_t kRingCapacity = 65'536;

// Newest changes first lost: as many as the ring takes, without gaps up to the head.
absl::StatusOr<std::vector<Event>> ReadHistory(const KeyStore& store) {
  const uint64_t head = store.applied_revision().value;
  const Revision after{head > kRingCapacity ? head - kRingCapacity : 0};
  absl::StatusOr<std::vector<Event>> events = store.ReadEvents(after, kRingCapacity);
  // A store that keeps fewer: subscribers that are further behind than the start begin anew.
  if (absl::IsOutOfRange(events.status())) return std::vector<Event>();
  return events;
}

Mutation PutLongestLease(absl::Duration lease, bool only_longer) {
  return [lease, only_longer](const StateReader& state) -> absl::StatusOr<ChangeSet> {
    const absl::StatusOr<absl::Duration> known = state.LongestLease();
    if (!known.ok()) return known.status();
    ChangeSet changes;
    if (*known == lease || (only_longer && *known > lease)) return changes;
    changes.put_longest_lease = lease;
    changes.audit.actor = "system";
    changes.audit.action = "RecordLeases";
    changes.admission = Admission::kReduction;
    return changes;
  };
}

}  // namespace

absl::StatusOr<sync::SyncLoopOptions> MakeSyncOptions(KeyStore& store, const Clock& clock,
                                                      absl::Duration lease) {
  const absl::StatusOr<absl::Duration> longest = store.LongestLease();
  if (!longest.ok()) return longest.status();
  absl::StatusOr<std::vector<Event>> history = ReadHistory(store);
  if (!history.ok()) return history.status();
  sync::SyncLoopOptions options;
  options.hub.epoch = store.epoch();
  options.hub.head = store.applied_revision();
  options.hub.imported_keys = store.has_imported_keys();
  options.hub.lease = lease;
  options.hub.ring_capacity = kRingCapacity;
  options.hub.started = clock.SinceBoot();
  options.hub.unknown_leases = *longest;
  options.history = *std::move(history);
  options.announce_lease = [&store](absl::Duration announced,
                                    std::function<void(absl::Status)> done) {
    store.Commit(PutLongestLease(announced, /*only_longer=*/true),
                 [done = std::move(done)](const absl::StatusOr<Committed>& committed) {
                   done(committed.status());
                 });
  };
  return options;
}

void RecordRemainingLeases(KeyStore& store, absl::Duration remaining) {
  absl::Notification done;
  store.Commit(PutLongestLease(std::max(remaining, absl::ZeroDuration()), /*only_longer=*/false),
               [&done](const absl::StatusOr<Committed>& committed) {
                 // Not fatal: the next start waits for leases that are over.
                 if (!committed.ok()) {
                   log::Warning("the end of leases was not recorded",
                                {{"why", std::string(committed.status().message())}});
                 }
                 done.Notify();
               });
  done.WaitForNotification();
}

void SyncMetricsObserver::OnBarrier(const sync::BarrierReport& report) {
  metrics_.ObserveBarrier(static_cast<int>(report.outcome), report.waited);
}

void SyncMetricsObserver::OnState(const sync::HubCounters& counters,
                                  const sync::SessionList& sessions) {
  SyncState state;
  for (const sync::OwnedSession& session : sessions.sessions) {
    if (session.info.observer) {
      ++state.observers;
    } else {
      ++(session.info.connected ? state.connected : state.gone);
      state.largest_lag =
          std::max(state.largest_lag, sessions.head.value - session.info.position.value);
    }
  }
  metrics_.SetState(state);
  metrics_.SetTotals({.invalidations = counters.invalidations,
                      .items = counters.items,
                      .resets_too_slow = counters.resets_too_slow,
                      .resets_at_hello = counters.resets_at_hello,
                      .leases_granted = counters.leases_granted,
                      .leases_expired = counters.leases_expired});
}

}  // namespace claviger
