// A program of its own, ended with whoever started it.
#ifndef CLAVIGER_TESTS_BENCH_CHILD_PROCESS_H_
#define CLAVIGER_TESTS_BENCH_CHILD_PROCESS_H_

#include <sys/types.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace claviger::bench {

// Owns a file descriptor, or none (-1).
class UniqueFd {
 public:
  explicit UniqueFd(int fd = -1) : fd_(fd) {}
  ~UniqueFd() { Reset(); }
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;

  int get() const { return fd_; }
  void Reset(int fd = -1);
  // The descriptor, which is the caller's from here on.
  int Release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

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
  // Asks it to end, then makes it. Idempotent.
  void Stop();

  // What it has used of the processors so far, over all of its threads.
  absl::Duration CpuTime() const;

 private:
  ChildProcess(pid_t pid, int pid_fd, int input, int output)
      : pid_(pid), pid_fd_(pid_fd), input_(input), output_(output) {}

  const pid_t pid_;
  UniqueFd pid_fd_;
  UniqueFd input_;
  UniqueFd output_;
  bool ended_ = false;
};

}  // namespace claviger::bench

#endif  // CLAVIGER_TESTS_BENCH_CHILD_PROCESS_H_
