// A run: loads, kills, restarts, settlements.
#ifndef CLAVIGER_TESTS_CRASH_RUN_H_
#define CLAVIGER_TESTS_CRASH_RUN_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "tests/crash/ledger.h"

namespace claviger::crash {

struct RunOptions {
  // Paths of clavigerd, and of an existing folder for the run's own.
  std::string server;
  std::string folder;
  uint64_t seed = 0;
  uint64_t cycles = 500;
  // Not 0: ends with the first cycle that ends later than this, instead of after so many.
  uint64_t seconds = 0;
  uint32_t callers = 8;
  // First starts, each in a folder of its own, that are killed.
  uint64_t first_starts = 25;
  // Puts an older copy of all data back after some kill, its watermark with it: the ledger then
  // must find out what was lost.
  bool broken = false;
};

struct Report {
  uint64_t cycles = 0;
  uint64_t kills = 0;           // under load
  uint64_t kills_stopping = 0;  // of a server that was asked to end
  uint64_t kills_starting = 0;  // of one that had not served yet, or just so
  uint64_t first_starts = 0;
  uint64_t store_copies = 0;  // that the store itself verified
  uint64_t full_checks = 0;
  uint64_t keys = 0;
  uint64_t audit_entries = 0;
  Counts counts;
  std::vector<absl::Duration> starts;
  std::vector<Violation> violations;  // those of the cycle at which the run ended
};

// Runs until the first violation, or as long as asked. Errors: a server that refused to start or
// ended by itself, a call that failed without a reason, or a fault of the run's own.
absl::StatusOr<Report> Run(const RunOptions& options);

// For people, with a line `crash: …` that has the figures.
std::string Render(const RunOptions& options, const Report& report);

}  // namespace claviger::crash

#endif  // CLAVIGER_TESTS_CRASH_RUN_H_
