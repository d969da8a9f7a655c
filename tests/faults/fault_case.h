// The scenario with one fault in it, and what is found after it.
#ifndef CLAVIGER_TESTS_FAULTS_FAULT_CASE_H_
#define CLAVIGER_TESTS_FAULTS_FAULT_CASE_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "tests/faults/fault_file_system.h"

namespace claviger {

enum class Outcome : uint8_t {
  kServed,       // everything acknowledged, whole, and nothing else
  kRefused,      // the store did not open, and said what is wrong and what to do
  kFoundByRead,  // opened; what is damaged is an error to whoever reads it
  kLost,         // anything else
  kNotReached,   // the scenario was over before
};
inline constexpr std::string_view kOutcomeNames[] = {"served", "refused", "found by a read", "LOST",
                                                     "not reached"};

struct CaseResult {
  Outcome outcome = Outcome::kServed;
  std::string text;  // why, for people; one line
  FileStep hit;      // what the fault hit
};

// Runs the scenario in `folder`, which is empty, with `fault` in it and, when that is the end of
// power, what `how` leaves; then starts again on a disk that works, and looks. Only what a flipped
// bit was written to may be refused or found by a read.
CaseResult RunFaultCase(const std::string& folder, const Fault& fault, PowerLoss how,
                        uint32_t seed);

// How many operations the scenario takes without a fault. They differ by a few from run to run,
// because several threads do them. 0: it failed.
uint64_t CountOperations(const std::string& folder);

// Empty when `message` names something below `folder` and says what to do.
std::string WhatIsWrongWith(const std::string& message, const std::string& folder);

}  // namespace claviger

#endif  // CLAVIGER_TESTS_FAULTS_FAULT_CASE_H_
