// Numbered cases of one mode.
#ifndef CLAVIGER_TESTS_FAULTS_CASE_LIST_H_
#define CLAVIGER_TESTS_FAULTS_CASE_LIST_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "tests/faults/fault_case.h"

namespace claviger {

struct NamedResult {
  Outcome outcome = Outcome::kServed;
  std::string what;  // by which results are summed up
  std::string text;
};

class CaseList {
 public:
  static std::vector<std::string> Modes();
  static absl::StatusOr<std::unique_ptr<CaseList>> Make(const std::string& mode);
  virtual ~CaseList() = default;

  virtual uint64_t size() const = 0;
  virtual NamedResult Run(uint64_t number) = 0;
};

}  // namespace claviger

#endif  // CLAVIGER_TESTS_FAULTS_CASE_LIST_H_
