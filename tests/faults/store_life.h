// The scenario, lived by a store.
#ifndef CLAVIGER_TESTS_FAULTS_STORE_LIFE_H_
#define CLAVIGER_TESTS_FAULTS_STORE_LIFE_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "storage/rocksdb/rocksdb_store.h"
#include "tests/faults/ledger.h"
#include "tests/faults/scenario.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_random.h"

namespace claviger {

// Opens a store, takes steps, and keeps the ledger.
//
// Thread safety: none.
class StoreLife {
 public:
  // `files` may be null: the disk.
  StoreLife(std::string data_dir, std::shared_ptr<rocksdb::FileSystem> files);

  absl::Status Open();
  void Close() { store_.reset(); }
  // REQUIRES: open. The error of a start; those of changes are for the ledger.
  absl::Status Take(const ScenarioStep& step);
  // In one batch where there are several.
  void Commit(const std::vector<Change>& changes);
  void Flush();

  // Null: closed.
  RocksDbStore* store() { return store_.get(); }
  Ledger& ledger() { return ledger_; }
  FakeClock& clock() { return clock_; }
  const std::string& data_dir() const { return options_.data_dir; }
  // From the next start on.
  void AcceptOlderState() { options_.accept_older_state = true; }
  void UseFiles(std::shared_ptr<rocksdb::FileSystem> files) {
    options_.file_system = std::move(files);
  }

 private:
  void AddUsage();
  void Compact();

  FakeClock clock_;
  FakeRandom random_;
  RocksDbStoreOptions options_;
  Ledger ledger_;
  std::unique_ptr<RocksDbStore> store_;
};

}  // namespace claviger

#endif  // CLAVIGER_TESTS_FAULTS_STORE_LIFE_H_
