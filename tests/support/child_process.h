// A program of its own, ended with whoever started it.
#ifndef CLAVIGER_TESTS_SUPPORT_CHILD_PROCESS_H_
#define CLAVIGER_TESTS_SUPPORT_CHILD_PROCESS_H_

#include <sys/types.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "core/file_descriptor.h"

namespace claviger {

// Waits until `fd` is readable: DEADLINE_EXCEEDED after `timeout`, CANCELLED when this program is
// interrupted.
absl::Status WaitReadable(int fd, absl::Duration timeout);

// A started program with a pipe to its input. Its end kills it at the latest; so does the death of
// this process.
//
// Thread safety: none.
class ChildProcess {
 public:
  struct Command {
    // The first is the path of the program.
    std::vector<std::string> argv;
    // Takes the program's output and errors. Empty: the output is a pipe to here, the errors go
    // where ours go.
    std::string output_file = {};
  };

  static absl::StatusOr<std::unique_ptr<ChildProcess>> Start(const Command& command);
  // As Stop.
  ~ChildProcess();

  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  // Writes all of its input and closes it.
  absl::Status WriteInput(std::string_view bytes);
  // Its output up to the end of it, which must come within `timeout`.
  absl::StatusOr<std::string> ReadAll(absl::Duration timeout);
  // Its output up to the end of a line, without that.
  absl::StatusOr<std::string> ReadLine(absl::Duration timeout);
  // OK once it ended by itself with status 0.
  absl::Status Wait(absl::Duration timeout);
  // Asks it to end, then makes it, also when it was stopped by SIGSTOP. Idempotent.
  void Stop();

  // Whether it has not ended.
  bool Running() const;
  // Sends a signal, such as SIGSTOP. REQUIRES: Running was true and nobody waited for it since.
  absl::Status Signal(int signal) const;
  // SIGKILL; returns once it is gone. An error when it had ended by itself before:
  // FAILED_PRECONDITION when well, with status 0, else UNAVAILABLE.
  absl::Status Kill();

  // What it has used of the processors so far, over all of its threads.
  absl::Duration CpuTime() const;
  // What of its memory is in RAM; 0 once it has ended.
  size_t ResidentBytes() const;
  // How many threads it has; 0 once it has ended.
  size_t Threads() const;
  // What its descriptors are of, as proc(5) names it; none once it has ended.
  std::vector<std::string> OpenFiles() const;

 private:
  ChildProcess(pid_t pid, int pid_fd, int input, int output)
      : pid_(pid), pid_fd_(pid_fd), input_(input), output_(output) {}

  const pid_t pid_;
  FileDescriptor pid_fd_;
  FileDescriptor input_;
  FileDescriptor output_;
  bool ended_ = false;
};

}  // namespace claviger

#endif  // CLAVIGER_TESTS_SUPPORT_CHILD_PROCESS_H_
