// A clavigerd that is killed and started again on the same data.
#ifndef CLAVIGER_TESTS_CRASH_SERVER_FOLDER_H_
#define CLAVIGER_TESTS_CRASH_SERVER_FOLDER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "core/clock.h"
#include "core/revision.h"
#include "tests/support/clavigerd_process.h"
#include "tests/support/test_caller.h"

namespace claviger::crash {

// One data folder and the server on it.
//
// Thread safety: none. Lives on the main thread, as ChildProcess does; but for callers that it
// made.
class ServerFolder {
 public:
  // `program`: path of clavigerd. `folder`: an existing one; the data goes below it. `clock`
  // outlives this.
  ServerFolder(std::string program, std::string folder, const Clock& clock)
      : program_(std::move(program)), folder_(std::move(folder)), clock_(clock) {}

  // Returns once it serves. An error is one of the server: it refused to start.
  absl::Status Start();
  // Starts it and kills it after `delay`, however far it has come by then. An error: it ended by
  // itself.
  absl::Status KillWhileStarting(absl::Duration delay);
  // SIGKILL. An error: it had ended by itself before.
  absl::Status Kill();
  // Asks it to end, and kills it after `delay`, unless it has ended by then.
  absl::Status KillWhileStopping(absl::Duration delay);

  // The root caller, on a connection of its own.
  TestCaller Connect() const;
  // The root key's text, and its id.
  const std::string& root_key() const { return root_key_; }
  std::string root_key_id() const;

  // What the store itself says of a copy of the data, in which nothing may be amiss: the last
  // revision. REQUIRES: the server does not run.
  absl::StatusOr<Revision> VerifyCopy() const;
  // Keeps a copy of all data, and puts it back. REQUIRES: the server does not run.
  absl::Status Save() const;
  absl::Status PutBack() const;

  // How long each start took that came to serve.
  const std::vector<absl::Duration>& starts() const { return starts_; }
  // What the last servers logged.
  std::string Logs() const;

 private:
  std::string data_dir() const { return folder_ + "/data"; }
  ClavigerdProcess::Options NewOptions();

  const std::string program_;
  const std::string folder_;
  const Clock& clock_;
  uint64_t launches_ = 0;
  std::vector<std::string> log_files_;  // the latest last
  std::string root_key_;
  std::vector<absl::Duration> starts_;
  std::unique_ptr<ClavigerdProcess> server_;
};

}  // namespace claviger::crash

#endif  // CLAVIGER_TESTS_CRASH_SERVER_FOLDER_H_
