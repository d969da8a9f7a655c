// Stores to be damaged: copies of the folder of one that lived the scenario.
#ifndef CLAVIGER_TESTS_FAULTS_DAMAGED_STORES_H_
#define CLAVIGER_TESTS_FAULTS_DAMAGED_STORES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace claviger {

struct StoreCopy {
  std::string name;
  std::string data_dir;
  std::string expected;  // DumpStore of it
  absl::Time now;        // for that
};

struct StoreCopies {
  std::string older;  // the folder halfway through the scenario
  // Closed; killed with changes in its log alone; killed while it made tables out of one log, with
  // changes in the next. Their watermarks have caught up.
  std::vector<StoreCopy> copies;
};

// In `folder`, which is empty.
absl::StatusOr<StoreCopies> MakeStoreCopies(const std::string& folder);

void CopyFolder(const std::string& from, const std::string& to);

}  // namespace claviger

#endif  // CLAVIGER_TESTS_FAULTS_DAMAGED_STORES_H_
