#include "tests/faults/ledger.h"

#include "fmt/format.h"
#include "tests/faults/store_dump.h"

namespace claviger {

Ledger::Ledger(FakeClock& clock) : clock_(clock) {
  reference_ = MemoryStore::Create({.clock = &clock,
                                    .random = &random_,
                                    .event_retention = kScenarioEventRetention,
                                    .commit = {}})
                   .value();
}

absl::Status Ledger::Acknowledge(const Change& change) {
  return CommitAndWait(*reference_, change.Make()).status();
}

void Ledger::LeaveOpen(const Change& change) {
  open_.emplace_back(change, clock_.Now());
  to_retry_.push_back(change);
}

absl::Status Ledger::Compare(const KeyStore& store) const {
  const absl::Time now = clock_.Now();
  const absl::StatusOr<std::string> expected = DumpStore(*reference_, now);
  if (!expected.ok()) return absl::InternalError(expected.status().ToString());
  const absl::StatusOr<std::string> found = DumpStore(store, now);
  if (!found.ok()) return found.status();
  if (*found == *expected) return absl::OkStatus();
  return absl::InternalError(Difference(*found, *expected));
}

absl::Status Ledger::Settle(const RocksDbStore& store) {
  const absl::Time now = clock_.Now();
  while (!open_.empty() && revision() < store.applied_revision()) {
    const auto [change, time] = open_.front();
    open_.erase(open_.begin());
    clock_.SetNow(time);
    if (absl::Status s = Acknowledge(change); !s.ok()) return absl::InternalError(s.ToString());
  }
  clock_.SetNow(now);
  open_.clear();
  if (absl::Status s = Compare(store); !s.ok()) return s;
  return store.VerifyAudit().status();
}

}  // namespace claviger
