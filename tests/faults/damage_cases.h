// Each file of a store torn, flipped, zeroed, emptied, deleted, or put back as it was before.
#ifndef CLAVIGER_TESTS_FAULTS_DAMAGE_CASES_H_
#define CLAVIGER_TESTS_FAULTS_DAMAGE_CASES_H_

#include <memory>

#include "absl/status/statusor.h"
#include "tests/faults/case_list.h"
#include "tests/support/scratch_folder.h"

namespace claviger {

absl::StatusOr<std::unique_ptr<CaseList>> MakeDamageCases(std::unique_ptr<ScratchFolder> scratch);

}  // namespace claviger

#endif  // CLAVIGER_TESTS_FAULTS_DAMAGE_CASES_H_
