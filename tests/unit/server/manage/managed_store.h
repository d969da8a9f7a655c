// A store in memory with what the managers need around it: peppers, cache, verifier.
#ifndef CLAVIGER_TESTS_UNIT_SERVER_MANAGE_MANAGED_STORE_H_
#define CLAVIGER_TESTS_UNIT_SERVER_MANAGE_MANAGED_STORE_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "server/verify/record_cache.h"
#include "server/verify/verifier.h"
#include "storage/memory/memory_store.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_random.h"
#include "tests/support/store_testing.h"

namespace claviger {

class IgnoreLookups final : public VerifyObserver {
 public:
  void OnRecordLookup(bool) override {}
};

// Thread safety: as its parts.
class ManagedStore {
 public:
  ManagedStore()
      : peppers(*PepperSet::Parse(*PepperSet::GenerateLine("p1", random))),
        store(*MemoryStore::Create({.clock = &clock, .random = &random, .commit = {}})),
        cache(*store, 1000),
        verifier(cache, peppers, clock, ignore_) {
    store->AddListener(&cache);
    Put(TestProject(kManagementProject));
    Put(TestProject(kDefaultProject));
  }
  ~ManagedStore() { store->Close(); }

  template <typename Record>
  void Put(Record record) {
    EXPECT_TRUE(CommitAndWait(*store, Putting(std::move(record))).ok());
  }

  // Stores `record` under a new secret; returns the raw key.
  std::string PutWithSecret(KeyRecord record) {
    const Secret raw = *GenerateKey(record.prefix, record.environment, record.id, random);
    record.pepper_id = "p1";
    record.digest = *peppers.Digest("p1", record.id, HashKey(raw.ExposeSecret()));
    Put(std::move(record));
    return std::string(raw.ExposeSecret());
  }

  FakeClock clock;
  FakeRandom random;
  PepperSet peppers;
  std::unique_ptr<MemoryStore> store;
  RecordCache cache;

 private:
  IgnoreLookups ignore_;

 public:
  Verifier verifier;
};

}  // namespace claviger

#endif  // CLAVIGER_TESTS_UNIT_SERVER_MANAGE_MANAGED_STORE_H_
