// Reads from a server everything that a settlement asks for.
#ifndef CLAVIGER_TESTS_CRASH_OBSERVER_H_
#define CLAVIGER_TESTS_CRASH_OBSERVER_H_

#include "absl/status/statusor.h"
#include "tests/crash/ledger.h"
#include "tests/crash/settlement.h"
#include "tests/support/test_caller.h"

namespace claviger::crash {

// How much is looked at.
enum class Scope : uint8_t {
  kTouched,     // what calls concerned since the last settlement, and the new part of the audit log
  kEverything,  // all keys, by two indexes, all checks, all projects, the audit log from its begin
  kEveryIndex,  // and the lists of all owners and batches
};

// REQUIRES: nobody else calls the server. Errors: a read that failed.
absl::StatusOr<Observed> Observe(const TestCaller& server, const Book& book, Scope scope);

// `key`, as GetKey shows it. For the root key, which no call of a run makes.
absl::StatusOr<v1::Key> ReadKey(const TestCaller& server, const std::string& key_id);

}  // namespace claviger::crash

#endif  // CLAVIGER_TESTS_CRASH_OBSERVER_H_
