// The fixture of the cases that every store has to pass.
#ifndef CLAVIGER_TESTS_CONTRACT_KEY_STORE_CONTRACT_H_
#define CLAVIGER_TESTS_CONTRACT_KEY_STORE_CONTRACT_H_

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "storage/key_store.h"
#include "storage/memory/memory_store.h"
#include "storage/rocksdb/rocksdb_store.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_random.h"
#include "tests/support/store_testing.h"
#include "tests/support/temp_dir.h"

namespace claviger {

enum class StoreKind { kMemory, kRocksDb };

inline std::string NameOfStore(const testing::TestParamInfo<StoreKind>& info) {
  return info.param == StoreKind::kMemory ? "Memory" : "RocksDb";
}

inline auto EveryStore() { return testing::Values(StoreKind::kMemory, StoreKind::kRocksDb); }

struct StoreSettings {
  size_t event_retention = 1000;
  GroupCommitOptions commit;
};

class KeyStoreContract : public testing::TestWithParam<StoreKind> {
 protected:
  void SetUp() override { store_ = MakeStore({}); }

  // Puts a store with other settings in the place of the first.
  void UseStoreWith(const StoreSettings& settings) {
    store_.reset();
    store_ = MakeStore(settings);
  }

  std::unique_ptr<KeyStore> MakeStore(const StoreSettings& settings) {
    if (GetParam() == StoreKind::kMemory) {
      return std::move(MemoryStore::Create({.clock = &clock_,
                                            .random = &random_,
                                            .event_retention = settings.event_retention,
                                            .commit = settings.commit}))
          .value();
    }
    RocksDbStoreOptions options;
    options.data_dir = dir_.Join("store" + std::to_string(stores_made_++));
    options.clock = &clock_;
    options.random = &random_;
    options.memory_bytes = RocksDbStoreOptions::kMinMemoryBytes;
    options.event_retention = settings.event_retention;
    options.commit = settings.commit;
    return std::move(RocksDbStore::Open(options)).value();
  }

  KeyStore& store() { return *store_; }

  absl::StatusOr<Committed> Commit(Mutation mutation) {
    return CommitAndWait(*store_, std::move(mutation));
  }
  // The record, or null.
  std::shared_ptr<const KeyRecord> Key(int n) { return store_->FindKey(TestKeyId(n)).value(); }

  std::vector<std::string> ScannedIds(const KeyScan& scan) {
    std::vector<std::string> ids;
    const auto status = store_->ScanKeys(scan, [&ids](const KeyRecord& key) {
      ids.push_back(key.id.ToString());
      return true;
    });
    EXPECT_TRUE(status.ok()) << status;
    return ids;
  }

  FakeClock clock_;
  FakeRandom random_;

 private:
  TempDir dir_;
  int stores_made_ = 0;
  std::unique_ptr<KeyStore> store_;
};

}  // namespace claviger

#endif  // CLAVIGER_TESTS_CONTRACT_KEY_STORE_CONTRACT_H_
