#include "tests/support/interrupt.h"

#include <poll.h>
#include <sys/signalfd.h>

#include <csignal>

#include "absl/time/clock.h"

namespace claviger {
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

absl::Status WaitUnlessInterrupted(absl::Duration duration) {
  const absl::Time end = absl::Now() + duration;
  for (absl::Duration left = duration; left > absl::ZeroDuration(); left = end - absl::Now()) {
    // Without a signal this waits as long; rounded up, or the end would be waited for in circles.
    pollfd waited{.fd = interrupt_fd, .events = POLLIN, .revents = 0};
    if (poll(&waited, 1, static_cast<int>(absl::ToInt64Milliseconds(left)) + 1) > 0) break;
  }
  return CheckInterrupt();
}

void ReleaseInterrupts() {
  const sigset_t signals = Interrupts();
  sigprocmask(SIG_UNBLOCK, &signals, nullptr);
}

}  // namespace claviger
