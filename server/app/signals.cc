#include "server/app/signals.h"

#include <csignal>

namespace claviger {
namespace {

sigset_t WaitedFor() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGHUP);
  return set;
}

}  // namespace

void BlockSignals() {
  const sigset_t set = WaitedFor();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

void UnblockSignals() {
  const sigset_t set = WaitedFor();
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

Signal WaitForSignal() {
  const sigset_t set = WaitedFor();
  int signal = 0;
  while (sigwait(&set, &signal) != 0) {
  }
  return signal == SIGHUP ? Signal::kReload : Signal::kStop;
}

}  // namespace claviger
