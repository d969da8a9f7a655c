// One run: everything that a seed decides, and everything that goes wrong in it.
#ifndef CLAVIGER_TESTS_SIMULATION_SCENARIO_H_
#define CLAVIGER_TESTS_SIMULATION_SCENARIO_H_

#include <cstdint>
#include <vector>

#include "client/src/sync_rules.h"
#include "server/sync/rules.h"
#include "tests/simulation/oracle.h"

namespace claviger::simulation {

struct Rules {
  sync::AuthorityRules authority;
  client::SyncRules verifier;
  bool restore_expects_leases = true;  // as AuthorityModel::Options has it
};

struct RunResult {
  std::vector<Violation> violations;
  Counts counts{};
  uint64_t digest = 0;  // the same whenever the seed is run
};

// Runs the seed. With `traced` it prints what happens.
RunResult RunSeed(uint64_t seed, const Rules& rules, bool traced);

}  // namespace claviger::simulation

#endif  // CLAVIGER_TESTS_SIMULATION_SCENARIO_H_
