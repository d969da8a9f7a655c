#include "client/cli/stop_signals.h"

#include <pthread.h>
#include <signal.h>

#include <utility>

namespace claviger::cli {
namespace {

sigset_t TheSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  return signals;
}

}  // namespace

StopSignals::StopSignals() {
  const sigset_t signals = TheSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  listener_ = std::thread([this] { Listen(); });
}

StopSignals::~StopSignals() {
  OnStop({});
  // To the listener alone: ends its wait.
  pthread_kill(listener_.native_handle(), SIGTERM);
  listener_.join();
}

void StopSignals::Listen() {
  const sigset_t signals = TheSignals();
  int signal = 0;
  sigwait(&signals, &signal);
  absl::MutexLock lock(&mutex_);
  stopped_ = true;
  if (then_) then_();
}

void StopSignals::OnStop(std::function<void()> then) {
  absl::MutexLock lock(&mutex_);
  then_ = std::move(then);
  if (stopped_ && then_) then_();
}

bool StopSignals::stopped() const {
  absl::MutexLock lock(&mutex_);
  return stopped_;
}

bool StopSignals::WaitFor(absl::Duration duration) const {
  absl::MutexLock lock(&mutex_);
  return mutex_.AwaitWithTimeout(absl::Condition(&stopped_), duration);
}

}  // namespace claviger::cli
