// A whole run: starts the processes, disturbs them, ends them, and judges.
#ifndef CLAVIGER_TESTS_HISTORY_RUN_H_
#define CLAVIGER_TESTS_HISTORY_RUN_H_

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "tests/history/checker.h"
#include "tests/history/faults.h"
#include "tests/history/shared_record.h"

namespace claviger::history {

struct RunOptions {
  // Paths of clavigerd, of this program, and of an existing folder for the files of the run.
  std::string server;
  std::string self;
  std::string folder;
  uint64_t seed = 0;
  // How long to disturb. When that was not enough for the two numbers it goes on, up to eight times
  // as long in all.
  uint32_t seconds = 0;
  uint64_t min_checks = 0;
  uint64_t min_revokes = 0;
  // See Revoker::Options::commit_for_strict.
  bool broken = false;
};

struct Report {
  Counts checks;
  std::map<RevokeOutcome, uint64_t> revokes;
  uint64_t strict_revokes = 0;
  uint64_t unanswered_calls = 0;
  // How many of the processes had accepted a key when it was revoked.
  double mean_acceptors = 0;
  // As their callers waited, and how much of it was for the verifiers.
  std::vector<absl::Duration> strict_waits;
  std::vector<absl::Duration> barrier_waits;
  std::array<uint64_t, kFaultKinds> faults{};
  // One line each, but for the last of very many.
  std::vector<std::string> violations;
  uint64_t violation_count = 0;
};

// An error is one of the run: something did not start, or ended by itself, or answered what it
// must not. A violation is no error, but in the report.
absl::StatusOr<Report> Run(const RunOptions& options);

// As people read it.
std::string Render(const Report& report);

}  // namespace claviger::history

#endif  // CLAVIGER_TESTS_HISTORY_RUN_H_
