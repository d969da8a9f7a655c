// What a store has promised, kept beside it, to hold it against what is found later.
#ifndef CLAVIGER_TESTS_FAULTS_LEDGER_H_
#define CLAVIGER_TESTS_FAULTS_LEDGER_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "storage/memory/memory_store.h"
#include "storage/rocksdb/rocksdb_store.h"
#include "tests/faults/scenario.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_random.h"

namespace claviger {

// Thread safety: none.
class Ledger {
 public:
  // The times of changes are read from `clock`, which outlives this.
  explicit Ledger(FakeClock& clock);

  // Was answered OK.
  absl::Status Acknowledge(const Change& change);
  // Was answered with an error by a store that takes no changes any more: may have happened, unless
  // one before it has not. In order.
  void LeaveOpen(const Change& change);

  // OK when `store` answers what was acknowledged, and nothing else, in every way of reading it. An
  // error in reading is given back as it is; a difference is INTERNAL.
  absl::Status Compare(const KeyStore& store) const;
  // Compare after a restart: what was left open may be there too, whole and in order. From now on
  // it counts as acknowledged as far as it is there. Also checks the audit chain.
  absl::Status Settle(const RocksDbStore& store);
  // All that was ever left open, whether it is there by now or not; for another try.
  const std::vector<Change>& to_retry() const { return to_retry_; }

  Revision revision() const { return reference_->applied_revision(); }
  const KeyStore& reference() const { return *reference_; }

 private:
  FakeClock& clock_;
  FakeRandom random_;
  std::unique_ptr<MemoryStore> reference_;
  std::vector<std::pair<Change, absl::Time>> open_;
  std::vector<Change> to_retry_;
};

}  // namespace claviger

#endif  // CLAVIGER_TESTS_FAULTS_LEDGER_H_
