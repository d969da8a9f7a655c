// All that a store answers, as a text: two stores are the same when their texts are.
#ifndef CLAVIGER_TESTS_FAULTS_STORE_DUMP_H_
#define CLAVIGER_TESTS_FAULTS_STORE_DUMP_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "storage/key_store.h"

namespace claviger {

// Everything but epoch and usage, read in every way that there is: by scan and by id, by each
// index, forwards and backwards, the counts, the events, the audit entries and the head. Asks for
// the keys, requests, owners and labels of tests/faults/scenario.h. Ends at the first error.
absl::StatusOr<std::string> DumpStore(const KeyStore& store, absl::Time now);

// The first line that differs, for people.
std::string Difference(const std::string& found, const std::string& expected);

}  // namespace claviger

#endif  // CLAVIGER_TESTS_FAULTS_STORE_DUMP_H_
