// clavigerd: the authority.

#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "core/platform/system_clock.h"
#include "core/platform/system_random.h"
#include "server/app/app.h"
#include "server/app/restore.h"
#include "server/app/signals.h"
#include "server/config/command_line.h"
#include "server/config/pepper_file.h"
#include "server/logging/library_hooks.h"
#include "server/logging/log.h"
#include "server/transport/open_files.h"

namespace claviger {
namespace {

// A core file or a debugger of the same user would show keys and peppers.
void RefuseMemoryDumps() {
  const rlimit none{0, 0};
  if (setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_DUMPABLE, 0) != 0) {
    log::Warning("core dumps of this process could not be switched off");
  }
}

// Debian builds abseil with its debug checks on. One of them keeps a graph, behind one lock, of the
// order in which all mutexes of the process are taken, gRPC's included: a tenth of what a check
// costs. Tests run with it; a server does not need it.
void StopTrackingLockOrder() {
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
}

int Fail(const absl::Status& status, int exit_code) {
  std::fprintf(stderr, "clavigerd: %s\n", std::string(status.message()).c_str());
  return exit_code;
}

void ReloadFrom(int argc, const char* const* argv, App& app) {
  absl::StatusOr<CommandLine> command = ParseCommandLine(argc, argv, CLAVIGER_VERSION);
  if (!command.ok()) {
    log::Error("reload refused, the old configuration stays",
               {{"why", std::string(command.status().message())}});
    return;
  }
  app.Reload(command->config);
}

int Serve(int argc, const char* const* argv, const ServerConfig& config) {
  // Both live until the process ends: hooks and threads of libraries keep references.
  static SystemClock clock;
  static SystemRandom random;
  log::Init(config.log);
  log::InstallLibraryHooks(clock);
  StopTrackingLockOrder();
  RaiseOpenFiles();
  absl::StatusOr<std::unique_ptr<App>> app = App::Start(config, clock, random);
  if (!app.ok()) {
    log::Error("cannot start", {{"why", std::string(app.status().message())}});
    return EXIT_FAILURE;
  }
  log::Info("serving", {{"grpc", (*app)->grpc_address()},
                        {"http", (*app)->http_address()},
                        {"tls", config.tls_enabled()},
                        {"data", config.store.data_dir.string()},
                        {"version", CLAVIGER_VERSION}});
  while (WaitForSignal() == Signal::kReload) ReloadFrom(argc, argv, **app);
  log::Info("stopping");
  (*app)->Stop();
  log::Info("stopped");
  return EXIT_SUCCESS;
}

int NewPepper(const CommandLine& command) {
  SystemRandom random;
  const std::filesystem::path& file = command.config.callers.pepper_file;
  const absl::Status added = AddPepper(file, command.pepper_id, random);
  if (!added.ok()) return Fail(added, EXIT_FAILURE);
  std::printf("%s: pepper %s is the first now; it writes from the next start on\n", file.c_str(),
              command.pepper_id.c_str());
  return EXIT_SUCCESS;
}

int Restore(const CommandLine& command) {
  // What it has begun is for the next run to replace or to finish: it may end anywhere.
  UnblockSignals();
  SystemRandom random;
  RestoreProgress progress;
  if (isatty(STDERR_FILENO) != 0) {
    progress = [](std::string_view step) {
      std::fprintf(stderr, "%.*s ...\n", static_cast<int>(step.size()), step.data());
    };
  }
  const absl::StatusOr<std::string> report =
      RestoreBackup(command.config, command.restore, SystemClock(), random, progress);
  if (!report.ok()) return Fail(report.status(), EXIT_FAILURE);
  if (std::fputs(report->c_str(), stdout) < 0 || std::fflush(stdout) != 0) {
    return Fail(absl::UnavailableError("the restore is complete, but its report could not be "
                                       "written to standard output"),
                EXIT_FAILURE);
  }
  return EXIT_SUCCESS;
}

int Main(int argc, const char* const* argv) {
  // Before anything is read: to check a configuration reads peppers too.
  RefuseMemoryDumps();
  BlockSignals();
  absl::StatusOr<CommandLine> command = ParseCommandLine(argc, argv, CLAVIGER_VERSION);
  if (!command.ok()) return Fail(command.status(), kExitUsage);
  switch (command->mode) {
    case RunMode::kPrint:
      std::fputs(command->text.c_str(), stdout);
      return EXIT_SUCCESS;
    case RunMode::kCheckConfig: {
      const absl::Status checked = command->config.CheckFiles(SystemClock().Now());
      if (!checked.ok()) return Fail(checked, kExitUsage);
      std::puts("the configuration is good");
      return EXIT_SUCCESS;
    }
    case RunMode::kNewPepper:
      return NewPepper(*command);
    case RunMode::kRestore:
      return Restore(*command);
    case RunMode::kServe:
      return Serve(argc, argv, command->config);
  }
  return EXIT_FAILURE;
}

}  // namespace
}  // namespace claviger

int main(int argc, char** argv) { return claviger::Main(argc, argv); }
