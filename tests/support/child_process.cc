#include "tests/support/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "absl/time/clock.h"
#include "fmt/format.h"
#include "tests/support/interrupt.h"

namespace claviger {
namespace {

constexpr absl::Duration kStopTimeout = absl::Seconds(15);
constexpr int kCannotStart = 127;

absl::Status SystemError(std::string_view what) {
  return absl::InternalError(fmt::format("{}: {}", what, std::strerror(errno)));
}

// The header of glibc 2.36 does not declare its own as a C function.
int OpenPidFd(pid_t pid) { return static_cast<int>(syscall(SYS_pidfd_open, pid, 0)); }

// Becomes the program. Only async-signal-safe calls: other threads may have held locks at the fork.
[[noreturn]] void Become(char* const* argv, int input, int output, int errors, pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(kCannotStart);
  ReleaseInterrupts();
  if (dup2(input, STDIN_FILENO) >= 0 && dup2(output, STDOUT_FILENO) >= 0 &&
      dup2(errors, STDERR_FILENO) >= 0) {
    execv(argv[0], argv);
  }
  _exit(kCannotStart);
}

}  // namespace

absl::Status WaitReadable(int fd, absl::Duration timeout) {
  const absl::Time deadline = absl::Now() + timeout;
  for (;;) {
    std::array<pollfd, 2> waited{{{.fd = fd, .events = POLLIN, .revents = 0},
                                  {.fd = InterruptFd(), .events = POLLIN, .revents = 0}}};
    const int64_t left = absl::ToInt64Milliseconds(deadline - absl::Now());
    if (left < 0) return absl::DeadlineExceededError("nothing came in time");
    const int ready = poll(waited.data(), waited.size(), static_cast<int>(left) + 1);
    if (ready < 0 && errno != EINTR) return SystemError("poll");
    if (ready <= 0) continue;
    if (waited[1].revents != 0) return absl::CancelledError("interrupted");
    return absl::OkStatus();
  }
}

absl::StatusOr<std::unique_ptr<ChildProcess>> ChildProcess::Start(const Command& command) {
  std::array<int, 2> in{};
  if (pipe2(in.data(), O_CLOEXEC) != 0) return SystemError("pipe");
  const FileDescriptor child_input(in[0]);
  FileDescriptor our_input(in[1]);
  FileDescriptor child_output;
  FileDescriptor our_output;
  const bool to_file = !command.output_file.empty();
  if (to_file) {
    child_output.Reset(
        open(command.output_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  } else {
    std::array<int, 2> out{};
    if (pipe2(out.data(), O_CLOEXEC) != 0) return SystemError("pipe");
    our_output.Reset(out[0]);
    child_output.Reset(out[1]);
  }
  if (child_output.get() < 0) return SystemError(command.output_file);
  const int errors = to_file ? child_output.get() : STDERR_FILENO;

  std::vector<char*> argv;
  for (const std::string& argument : command.argv) {
    argv.push_back(const_cast<char*>(argument.c_str()));
  }
  argv.push_back(nullptr);
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid < 0) return SystemError("fork");
  if (pid == 0) Become(argv.data(), child_input.get(), child_output.get(), errors, parent);

  auto child = std::unique_ptr<ChildProcess>(
      new ChildProcess(pid, OpenPidFd(pid), our_input.Release(), our_output.Release()));
  if (child->pid_fd_.get() < 0) return SystemError("pidfd_open");
  return child;
}

ChildProcess::~ChildProcess() { Stop(); }

absl::Status ChildProcess::WriteInput(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = write(input_.get(), bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return SystemError("write to a child");
    bytes.remove_prefix(static_cast<size_t>(count));
  }
  input_.Reset();
  return absl::OkStatus();
}

absl::StatusOr<std::string> ChildProcess::ReadAll(absl::Duration timeout) {
  std::string all;
  std::array<char, 4096> buffer;
  for (;;) {
    if (absl::Status s = WaitReadable(output_.get(), timeout); !s.ok()) return s;
    const ssize_t count = read(output_.get(), buffer.data(), buffer.size());
    if (count < 0) return SystemError("read from a child");
    if (count == 0) return all;
    all.append(buffer.data(), static_cast<size_t>(count));
  }
}

absl::StatusOr<std::string> ChildProcess::ReadLine(absl::Duration timeout) {
  std::string line;
  for (;;) {
    if (absl::Status s = WaitReadable(output_.get(), timeout); !s.ok()) return s;
    char c = 0;
    const ssize_t count = read(output_.get(), &c, 1);
    if (count < 0) return SystemError("read from a child");
    if (count == 0) return absl::UnavailableError("a child ended without a word");
    if (c == '\n') return line;
    line += c;
  }
}

absl::Status ChildProcess::Wait(absl::Duration timeout) {
  if (absl::Status s = WaitReadable(pid_fd_.get(), timeout); !s.ok()) return s;
  int status = 0;
  if (waitpid(pid_, &status, 0) != pid_) return SystemError("waitpid");
  ended_ = true;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return absl::OkStatus();
  return absl::UnavailableError(fmt::format("process {} ended with status {}", pid_, status));
}

bool ChildProcess::Running() const {
  pollfd end{.fd = pid_fd_.get(), .events = POLLIN, .revents = 0};
  return !ended_ && poll(&end, 1, 0) == 0;
}

absl::Status ChildProcess::Signal(int signal) const {
  if (ended_ || kill(pid_, signal) != 0) return SystemError("kill");
  return absl::OkStatus();
}

absl::Status ChildProcess::Kill() {
  if (absl::Status s = Signal(SIGKILL); !s.ok()) return s;
  int status = 0;
  if (waitpid(pid_, &status, 0) != pid_) return SystemError("waitpid");
  ended_ = true;
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) return absl::OkStatus();
  // Until it is waited for, what has ended takes signals as well.
  if (status == 0) return absl::FailedPreconditionError(fmt::format("process {} had ended", pid_));
  return absl::UnavailableError(fmt::format("process {} ended with status {}", pid_, status));
}

absl::Duration ChildProcess::CpuTime() const {
  clockid_t clock{};
  timespec used{};
  if (clock_getcpuclockid(pid_, &clock) != 0 || clock_gettime(clock, &used) != 0) {
    return absl::ZeroDuration();
  }
  return absl::DurationFromTimespec(used);
}

size_t ChildProcess::ResidentBytes() const {
  // proc(5): all pages, then the resident ones.
  std::ifstream statm(fmt::format("/proc/{}/statm", pid_));
  size_t all = 0;
  size_t resident = 0;
  statm >> all >> resident;
  return resident * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

size_t ChildProcess::Threads() const {
  std::ifstream status(fmt::format("/proc/{}/status", pid_));
  for (std::string word; status >> word;) {
    size_t threads = 0;
    if (word == "Threads:" && status >> threads) return threads;
  }
  return 0;
}

std::vector<std::string> ChildProcess::OpenFiles() const {
  namespace fs = std::filesystem;
  std::vector<std::string> files;
  std::error_code error;
  for (fs::directory_iterator it(fmt::format("/proc/{}/fd", pid_), error), end; !error && it != end;
       it.increment(error)) {
    std::error_code closed;
    const fs::path file = fs::read_symlink(it->path(), closed);
    if (!closed) files.push_back(file.string());
  }
  return files;
}

void ChildProcess::Stop() {
  if (ended_) return;
  input_.Reset();
  kill(pid_, SIGTERM);
  kill(pid_, SIGCONT);
  pollfd end{.fd = pid_fd_.get(), .events = POLLIN, .revents = 0};
  if (poll(&end, 1, static_cast<int>(absl::ToInt64Milliseconds(kStopTimeout))) != 1) {
    kill(pid_, SIGKILL);
  }
  waitpid(pid_, nullptr, 0);
  ended_ = true;
}

}  // namespace claviger
