// What the authority promised about a key, what the verifiers did with it, and whether the two fit.
// Pure: knows neither processes nor clocks.
#ifndef CLAVIGER_TESTS_HISTORY_CHECKER_H_
#define CLAVIGER_TESTS_HISTORY_CHECKER_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"

namespace claviger::history {

// All times are CLOCK_BOOTTIME, which is one clock for all processes of a machine.

// How a revoke was answered.
enum class RevokeOutcome : uint8_t {
  kNone,           // never asked for, or never answered: nothing is promised
  kAllAcked,       // from the return on nobody accepts
  kLeasesExpired,  // likewise
  kPending,        // `safe_in` after the return nobody accepts; a COMMIT may answer this, too
};
// `ALL_ACKED`, …
std::string_view RevokeOutcomeName(RevokeOutcome outcome);

// The authority's side of one key.
struct Revoke {
  RevokeOutcome outcome = RevokeOutcome::kNone;
  // Of the first call, answered or not; infinite: there was none.
  absl::Duration called = absl::InfiniteDuration();
  // When the call that was answered returned.
  absl::Duration returned = absl::InfiniteDuration();
  absl::Duration safe_in;
};

// From when on every check that starts must deny; infinite: nothing is promised.
absl::Duration PromisedFrom(const Revoke& revoke);

// One verifying process's side of one key. These two numbers stand for the log of all its checks:
// some accepted check started after the promise if and only if the one that started last did, and
// some denied check ended before the revoke was called if and only if the one that ended first did.
struct Seen {
  // The latest start of a check that accepted; minus infinite: none did.
  absl::Duration last_accepted_start = -absl::InfiniteDuration();
  // The earliest end of a check that denied, by the key's fault and not because nobody could be
  // asked; infinite: none did.
  absl::Duration first_denied_end = absl::InfiniteDuration();
};

enum class ViolationKind : uint8_t {
  kAcceptedAfterPromise,
  kDeniedBeforeRevoke,
};

struct Violation {
  ViolationKind kind;
  size_t process;
  // How much too late, or too early.
  absl::Duration by;
};

// What in `seen`, one entry for each process, must not be. Between the call and the promise either
// answer is right: each process learns of the revoke at its own time.
std::vector<Violation> FindViolations(const Revoke& revoke, std::span<const Seen> seen);

// `process 3 accepted 12 ms after the promise`.
std::string Describe(const Violation& violation);

// The value that `percent` of `values` do not exceed; zero of none.
absl::Duration Percentile(std::vector<absl::Duration> values, int percent);

}  // namespace claviger::history

#endif  // CLAVIGER_TESTS_HISTORY_CHECKER_H_
