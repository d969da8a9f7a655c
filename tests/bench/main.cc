// claviger_bench: measures, each figure against its floor in the same run.

#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "fmt/format.h"
#include "tests/bench/bench.pb.h"
#include "tests/bench/environment.h"
#include "tests/bench/floor_server.h"
#include "tests/bench/load_client.h"
#include "tests/bench/other_load.h"
#include "tests/bench/report.h"
#include "tests/bench/rows/rows.h"
#include "tests/bench/session_client.h"
#include "tests/bench/sync_floor.h"
#include "tests/support/interrupt.h"

namespace claviger::bench {
namespace {

std::vector<std::string> RowIds() {
  std::vector<std::string> ids;
  for (const RowDefinition& row : AllRows()) ids.emplace_back(row.id);
  return ids;
}

bool IsWanted(const BenchOptions& options, std::string_view id) {
  return options.rows.empty() ||
         std::find(options.rows.begin(), options.rows.end(), id) != options.rows.end();
}

absl::StatusOr<Report> MeasureRows(BenchEnvironment& environment) {
  Report report;
  *report.mutable_machine() = DescribeMachine();
  report.set_quick(environment.options().quick);
  const OtherLoad other_load;
  // Rows that are measured together stand one behind the other.
  decltype(RowDefinition::measure) measured = nullptr;
  for (const RowDefinition& definition : AllRows()) {
    if (!IsWanted(environment.options(), definition.id) || definition.measure == measured) continue;
    measured = definition.measure;
    Progress(fmt::format("{} …", definition.id));
    absl::StatusOr<std::vector<Row>> rows = definition.measure(environment);
    if (!rows.ok()) {
      return absl::Status(rows.status().code(), fmt::format("{}: {}", definition.id,
                                                            std::string(rows.status().message())));
    }
    for (Row& row : *rows) {
      if (IsWanted(environment.options(), row.id())) *report.add_rows() = std::move(row);
    }
  }
  report.set_other_load(other_load.Share());
  return report;
}

absl::Status Run(const BenchOptions& options, const std::string& self) {
  const auto scratch = ScratchFolder::Make(options.folder);
  if (!scratch.ok()) return scratch.status();
  BenchEnvironment environment(options, self, **scratch);
  const absl::StatusOr<Report> report = MeasureRows(environment);
  if (!report.ok()) return report.status();
  std::cout << RenderReport(*report);
  return options.json_file.empty() ? absl::OkStatus() : WriteJson(*report, options.json_file);
}

int Main(int argc, char** argv) {
  const std::string self = std::filesystem::read_symlink("/proc/self/exe").string();
  const std::filesystem::path folder = std::filesystem::path(self).parent_path();
  BenchOptions options;
  options.folder = folder.parent_path().string();
  options.server = (folder / "clavigerd").string();
  CLI::App app("Measures Claviger; each figure stands against its floor in the same run.",
               "claviger_bench");
  app.add_flag("--quick", options.quick, "About two minutes, with fewer keys");
  app.add_option("--rows", options.rows, "Only these rows, e.g. P1,P6")
      ->delimiter(',')
      ->check(CLI::IsMember(RowIds(), CLI::ignore_case));
  app.add_option("--json", options.json_file, "Writes the report to this file as well");
  app.add_option("--folder", options.folder, "Existing folder on the disk to measure")
      ->capture_default_str();
  app.add_option("--server", options.server, "The clavigerd to measure")->capture_default_str();
  CLI11_PARSE(app, argc, argv);

  CatchInterrupts();
  // Thousands of connections, here and in the processes that this one starts.
  if (rlimit files{}; getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
  }
  const absl::Status ran = Run(options, self);
  if (ran.ok()) return EXIT_SUCCESS;
  std::cerr << "bench: " << ran.message() << "\n";
  return EXIT_FAILURE;
}

}  // namespace
}  // namespace claviger::bench

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  // As clavigerd does, so that client and floor are as fast as this gRPC can be.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  const std::string_view mode = argc >= 2 ? argv[1] : "";
  if (mode == claviger::bench::kFloorServerMode) return claviger::bench::RunFloorServer();
  if (mode == claviger::bench::kLoadClientMode) return claviger::bench::RunLoadClient();
  if (mode == claviger::bench::kSessionClientMode) return claviger::bench::RunSessionClient();
  if (mode == claviger::bench::kSyncFloorMode && argc == 3) {
    return claviger::bench::RunSyncFloor(argv[2]);
  }
  return claviger::bench::Main(argc, argv);
}
