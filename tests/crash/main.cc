// claviger_crash: kills a real clavigerd with SIGKILL while callers change keys and projects,
// starts it again, and holds what it then shows against a ledger of what was asked for and
// acknowledged.

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <random>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "tests/crash/run.h"
#include "tests/support/interrupt.h"

namespace claviger::crash {
namespace {

// OK, or why the run does not count.
absl::Status Verdict(const RunOptions& options, const Report& report) {
  if (!options.broken) {
    if (!report.violations.empty()) return absl::DataLossError("the promise was broken");
    if (report.counts.acknowledged < report.cycles) {
      return absl::InternalError("too few changes were acknowledged to tell anything");
    }
    return absl::OkStatus();
  }
  if (report.counts.lost > 0) return absl::OkStatus();
  return absl::InternalError("acknowledged changes were taken away: the ledger sees nothing");
}

int Main(int argc, char** argv) {
  const std::filesystem::path folder =
      std::filesystem::read_symlink("/proc/self/exe").parent_path();
  RunOptions options;
  options.folder = folder.parent_path().string();
  options.server = (folder / "clavigerd").string();
  options.seed = std::random_device()();
  CLI::App app(
      "Kills a server under load, again and again, and checks that nothing acknowledged is "
      "lost and nothing is there in part.",
      "claviger_crash");
  app.add_option("--cycles", options.cycles, "How often to kill it")
      ->check(CLI::Range(1, 100'000'000))
      ->capture_default_str();
  app.add_option("--seconds", options.seconds, "How long to go on, instead of --cycles")
      ->check(CLI::Range(1, 30 * 24 * 3600));
  app.add_option("--seed", options.seed, "Of all that is random; by default another each time");
  app.add_option("--callers", options.callers, "How many call at once")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  app.add_option("--first-starts", options.first_starts, "How many first starts to kill")
      ->check(CLI::Range(0, 1'000'000))
      ->capture_default_str();
  app.add_flag("--broken", options.broken,
               "Puts an older copy of all data back after a kill; fails unless that is found out");
  app.add_option("--folder", options.folder, "Existing folder for the run's files")
      ->capture_default_str();
  app.add_option("--server", options.server, "The clavigerd to run")->capture_default_str();
  CLI11_PARSE(app, argc, argv);

  CatchInterrupts();
  std::cout << "seed        " << options.seed << std::endl;
  const absl::StatusOr<Report> report = Run(options);
  const absl::Status verdict = report.ok() ? Verdict(options, *report) : report.status();
  if (report.ok()) std::cout << Render(options, *report);
  if (verdict.ok()) return EXIT_SUCCESS;
  std::cerr << "crash: " << std::string(verdict.message()) << "\n";
  return EXIT_FAILURE;
}

}  // namespace
}  // namespace claviger::crash

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  // Its bookkeeping would slow every lock of this process.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  return claviger::crash::Main(argc, argv);
}
