// claviger_history: real processes, real faults, and a checker of what they did. Fails on a check
// that was accepted although it started after a strict revoke of its key had returned.
//
// Starts clavigerd and eight processes that check keys, each behind a TCP proxy, and revokes keys
// while it freezes, kills and cuts off all of them.

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "fmt/format.h"
#include "tests/history/checking_client.h"
#include "tests/history/run.h"
#include "tests/support/interrupt.h"

namespace claviger::history {
namespace {

int Fail(const absl::Status& why) {
  std::cerr << "history: " << std::string(why.message()) << "\n";
  return EXIT_FAILURE;
}

int CheckingClientMain(const std::vector<std::string>& arguments) {
  const absl::StatusOr<CheckingClientOptions> options = FromArguments(arguments);
  if (!options.ok()) return Fail(options.status());
  const absl::Status ran = RunCheckingClient(*options);
  return ran.ok() ? EXIT_SUCCESS : Fail(ran);
}

// OK, or why the run does not count.
absl::Status Verdict(const RunOptions& options, const Report& report) {
  if (options.broken) {
    if (report.violation_count > 0) return absl::OkStatus();
    return absl::InternalError("a COMMIT passed for a strict revoke: the checker sees nothing");
  }
  if (report.violation_count > 0) return absl::InternalError("the promise was broken");
  if (report.checks.total() < options.min_checks || report.strict_revokes < options.min_revokes) {
    return absl::InternalError("too few checks or revokes to tell anything");
  }
  if (options.min_revokes > 0 && (report.revokes.count(RevokeOutcome::kAllAcked) == 0 ||
                                  report.revokes.count(RevokeOutcome::kLeasesExpired) == 0)) {
    return absl::InternalError("no revoke waited for an acknowledgement, or none for a lease");
  }
  return absl::OkStatus();
}

int Main(int argc, char** argv) {
  const std::string self = std::filesystem::read_symlink("/proc/self/exe").string();
  const std::filesystem::path folder = std::filesystem::path(self).parent_path();
  RunOptions options;
  options.self = self;
  options.folder = folder.parent_path().string();
  options.server = (folder / "clavigerd").string();
  options.seconds = 20;
  options.seed = std::random_device()();
  CLI::App app("Checks and revokes keys in real processes, under faults, and judges what they did.",
               "claviger_history");
  app.add_option("--seconds", options.seconds, "How long to disturb the processes")
      ->check(CLI::Range(1, 7 * 24 * 3600))
      ->capture_default_str();
  app.add_option("--seed", options.seed, "Of all that is random; by default another each time");
  app.add_option("--min-checks", options.min_checks, "With less the run fails");
  app.add_option("--min-revokes", options.min_revokes, "With fewer the run fails");
  app.add_flag(
      "--broken", options.broken,
      "Takes the answer of a COMMIT for a strict one while clients are cut off; fails unless "
      "that is found out");
  app.add_option("--folder", options.folder, "Existing folder for the run's files")
      ->capture_default_str();
  app.add_option("--server", options.server, "The clavigerd to run")->capture_default_str();
  CLI11_PARSE(app, argc, argv);

  CatchInterrupts();
  std::cout << "seed        " << options.seed << std::endl;
  const absl::StatusOr<Report> report = Run(options);
  if (!report.ok()) return Fail(report.status());
  std::cout << Render(*report);
  const absl::Status verdict = Verdict(options, *report);
  return verdict.ok() ? EXIT_SUCCESS : Fail(verdict);
}

}  // namespace
}  // namespace claviger::history

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  // Its bookkeeping would slow every lock of this process.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (!arguments.empty() && arguments[0] == claviger::history::kCheckingClientRole) {
    return claviger::history::CheckingClientMain({arguments.begin() + 1, arguments.end()});
  }
  return claviger::history::Main(argc, argv);
}
