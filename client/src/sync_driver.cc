#include "client/src/sync_driver.h"

#include <utility>
#include <variant>

namespace claviger::client {

SyncDriver::SyncDriver(SyncClient::Options options, const Surroundings& surroundings,
                       const SyncRules& rules)
    : env_(surroundings), machine_(std::move(options), surroundings.random, rules) {}

void SyncDriver::Start() { CarryOut(machine_.Start()); }

void SyncDriver::Leave(absl::AnyInvocable<void()> done) {
  // Half a million keys: more than a cache of the usual size has.
  constexpr int kMaxLastBeats = 1000;
  const absl::Duration now = env_.clock.SinceBoot();
  bool reported = false;
  for (int i = 0; i < kMaxLastBeats && env_.usage != nullptr && stream_ != nullptr; ++i) {
    if (machine_.state() != SyncState::kFollowing) break;
    std::vector<sync::KeyUse> rest = env_.usage->TakeRest(now);
    if (rest.empty()) break;
    for (SyncAction& action : machine_.BeatOnceMore(now)) {
      auto* const send = std::get_if<Send>(&action);
      if (send == nullptr) continue;  // no timer is needed any more
      std::get<sync::Beat>(send->message).usage = std::move(rest);
      stream_->Send(send->message);
      reported = true;
    }
  }
  if (!reported) return done();
  left_ = std::move(done);
  stream_->EndSending();
}

void SyncDriver::Stop() {
  stopped_ = true;
  left_ = nullptr;
  for (std::optional<Scheduler::TaskId>* task : {&timer_, &connect_, &lease_watch_}) {
    Reschedule(*task, absl::InfiniteDuration(), {});
  }
  env_.view.SetLease(absl::ZeroDuration());
  stream_.reset();
  absl::MutexLock lock(&mutex_);
  lease_live_ = false;
  connected_ = false;
}

bool SyncDriver::WaitForLease(absl::Duration timeout) const {
  absl::MutexLock lock(&mutex_);
  return mutex_.AwaitWithTimeout(absl::Condition(&lease_live_), timeout);
}

bool SyncDriver::connected() const {
  absl::MutexLock lock(&mutex_);
  return connected_;
}

absl::Status SyncDriver::last_error() const {
  absl::MutexLock lock(&mutex_);
  return last_error_;
}

void SyncDriver::OnConnected(ConnectionId connection) {
  Reschedule(connect_, absl::InfiniteDuration(), {});
  CarryOut(machine_.OnConnected(connection, env_.clock.SinceBoot()));
}

void SyncDriver::OnMessage(ConnectionId connection, const sync::FromAuthority& message) {
  if (env_.observer != nullptr) {
    if (const auto* invalidation = std::get_if<sync::Invalidation>(&message)) {
      env_.observer->OnInvalidation(invalidation->items.size());
    }
  }
  CarryOut(machine_.OnMessage(connection, message, env_.clock.SinceBoot()));
  absl::MutexLock lock(&mutex_);
  connected_ = machine_.state() == SyncState::kFollowing;
}

void SyncDriver::OnDisconnected(ConnectionId connection, const absl::Status& why) {
  if (left_ != nullptr) return std::exchange(left_, nullptr)();
  {
    absl::MutexLock lock(&mutex_);
    last_error_ = why.ok() ? absl::UnavailableError("the authority ended the stream") : why;
  }
  CarryOut(machine_.OnDisconnected(connection, env_.clock.SinceBoot()));
}

void SyncDriver::OnConnectTimeout(ConnectionId connection) {
  OnDisconnected(connection, absl::DeadlineExceededError("no connection to the authority"));
}

void SyncDriver::CarryOut(SyncActions actions) {
  for (const SyncAction& action : actions) {
    if (stopped_) return;
    std::visit([this](const auto& typed) { Do(typed); }, action);
  }
}

void SyncDriver::Do(const CacheStep& step) {
  env_.fence.Apply(step);
  if (step.flush && env_.observer != nullptr) env_.observer->OnReset();
}

void SyncDriver::Do(const SetLease& lease) {
  env_.view.SetLease(lease.end);
  WatchLease();
}

void SyncDriver::Do(const SetImportedKeys& imported_keys) {
  env_.view.SetImportedKeys(imported_keys.any);
}

void SyncDriver::Do(const Send& send) {
  if (stream_ == nullptr) return;
  if (!send.may_report || env_.usage == nullptr) return stream_->Send(send.message);
  sync::Beat beat = std::get<sync::Beat>(send.message);
  beat.usage = env_.usage->Take(env_.clock.SinceBoot());
  stream_->Send(beat);
}

void SyncDriver::Do(const Connect& connect) {
  const bool is_first = connect.connection == 1;
  stream_.reset();
  {
    absl::MutexLock lock(&mutex_);
    connected_ = false;
  }
  if (!is_first && env_.observer != nullptr) env_.observer->OnReconnect();
  const ConnectionId connection = connect.connection;
  Reschedule(connect_, env_.clock.SinceBoot() + connect.delay, [this, connection] {
    connect_.reset();
    if (stopped_) return;
    Reschedule(connect_, env_.clock.SinceBoot() + kConnectTimeout,
               [this, connection] { OnConnectTimeout(connection); });
    stream_ = env_.opener.Open(connection, *this);
  });
}

void SyncDriver::Do(const SetTimer& timer) {
  Reschedule(timer_, timer.at, [this] {
    timer_.reset();
    CarryOut(machine_.OnTimer(env_.clock.SinceBoot()));
  });
}

void SyncDriver::Reschedule(std::optional<Scheduler::TaskId>& slot, absl::Duration at,
                            Scheduler::Task task) {
  if (slot.has_value()) env_.scheduler.Cancel(*slot);
  slot.reset();
  if (at != absl::InfiniteDuration()) slot = env_.scheduler.CallAt(at, std::move(task));
}

void SyncDriver::WatchLease() {
  const absl::Duration end = env_.view.lease_end();
  const bool live = env_.view.LeaseLive(env_.clock.SinceBoot());
  bool was_live = false;
  {
    absl::MutexLock lock(&mutex_);
    was_live = std::exchange(lease_live_, live);
  }
  if (live != was_live && env_.observer != nullptr) {
    live ? env_.observer->OnLeaseGained() : env_.observer->OnLeaseLost();
  }
  Reschedule(lease_watch_, live ? end : absl::InfiniteDuration(), [this] {
    lease_watch_.reset();
    if (!stopped_) WatchLease();
  });
}

}  // namespace claviger::client
