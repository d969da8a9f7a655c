// A short life of a store, with everything in it that is written in a way of its own.
#ifndef CLAVIGER_TESTS_FAULTS_SCENARIO_H_
#define CLAVIGER_TESTS_FAULTS_SCENARIO_H_

#include <cstdint>
#include <string>
#include <vector>

#include "storage/key_store.h"
#include "tests/support/store_testing.h"

namespace claviger {

// Keys are TestKeyId(1) to this; some are never made.
inline constexpr int kScenarioKeys = 12;
inline constexpr size_t kScenarioEventRetention = 6;

// A mutation that can be tried again: it writes a request record, and nothing where that is there.
struct Change {
  std::string request_id;
  ChangeSet changes;

  Mutation Make() const;
};

struct ScenarioStep {
  enum class Kind : uint8_t {
    kCommit,  // all `changes`, in one batch
    kUsage,   // counts for keys 1 and 2
    kFlush,
    kCompact,
    kReopen,
  };
  Kind kind = Kind::kCommit;
  std::vector<Change> changes = {};
};

// Issues, imports, revokes, disables, deletes, purges, re-digests; single and in a batch; with
// flushes, compactions and restarts between.
std::vector<ScenarioStep> ShortScenario();
// More changes than the scenario has: the first to see that a store goes on.
std::vector<Change> MoreChanges();
inline Change LastChange() { return MoreChanges().front(); }
// Of all changes above.
std::vector<std::string> ScenarioRequestIds();
// What key `n` was imported with.
KeyDigest ImportedDigest(int n);

}  // namespace claviger

#endif  // CLAVIGER_TESTS_FAULTS_SCENARIO_H_
