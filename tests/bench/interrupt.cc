#include "tests/bench/interrupt.h"

#include <poll.h>
#include <sys/signalfd.h>

#include <csignal>

namespace claviger::bench {
namespace {

int interrupt_fd = -1;

sigset_t Interrupts() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  return signals;
}

}  // namespace

void CatchInterrupts() {
  const sigset_t signals = Interrupts();
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  interrupt_fd = signalfd(-1, &signals, SFD_CLOEXEC);
}

int InterruptFd() { return interrupt_fd; }

absl::Status CheckInterrupt() {
  pollfd waited{.fd = interrupt_fd, .events = POLLIN, .revents = 0};
  if (poll(&waited, 1, 0) > 0) return absl::CancelledError("interrupted");
  return absl::OkStatus();
}

void ReleaseInterrupts() {
  const sigset_t signals = Interrupts();
  sigprocmask(SIG_UNBLOCK, &signals, nullptr);
}

}  // namespace claviger::bench
