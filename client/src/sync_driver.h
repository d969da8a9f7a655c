// Carries out what the state machine of the Sync stream wants: the link between it, the stream, the
// clock, the caches and whoever watches.
#ifndef CLAVIGER_CLIENT_SRC_SYNC_DRIVER_H_
#define CLAVIGER_CLIENT_SRC_SYNC_DRIVER_H_

#include <memory>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "claviger/client_observer.h"
#include "client/src/insert_fence.h"
#include "client/src/scheduler.h"
#include "client/src/sync_client.h"
#include "client/src/sync_rules.h"
#include "client/src/sync_stream.h"
#include "client/src/usage_collector.h"
#include "client/src/verifier_view.h"
#include "core/clock.h"
#include "core/random.h"

namespace claviger::client {

// Thread safety: `WaitForLease`, `connected` and `last_error` may be called from any thread at
// once, all else on the client's thread only.
class SyncDriver final : private SyncStreamHandler {
 public:
  // An attempt to connect takes at most this long.
  static constexpr absl::Duration kConnectTimeout = absl::Seconds(5);

  // All outlive the driver; `observer` and `usage` may be null.
  struct Surroundings {
    SyncStreamOpener& opener;
    Scheduler& scheduler;
    const Clock& clock;
    RandomSource& random;
    VerifierView& view;
    InsertFence& fence;
    ClientObserver* observer;
    UsageCollector* usage = nullptr;
  };
  SyncDriver(SyncClient::Options options, const Surroundings& surroundings,
             const SyncRules& rules = {});

  void Start();
  // Says what is still to be reported, where a stream stands, and calls `done` when the authority
  // has read it or is gone; at once where there is nothing to say. Stop follows.
  void Leave(absl::AnyInvocable<void()> done);
  // Gives the lease back and closes the stream. Nothing happens any more.
  void Stop();

  bool WaitForLease(absl::Duration timeout) const ABSL_LOCKS_EXCLUDED(mutex_);
  bool connected() const ABSL_LOCKS_EXCLUDED(mutex_);
  // Why the stream ended the last time.
  absl::Status last_error() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void OnConnected(ConnectionId connection) override;
  void OnMessage(ConnectionId connection, const sync::FromAuthority& message) override;
  void OnDisconnected(ConnectionId connection, const absl::Status& why) override;
  void OnConnectTimeout(ConnectionId connection);

  void CarryOut(SyncActions actions);
  void Do(const CacheStep& step);
  void Do(const SetLease& lease);
  void Do(const SetImportedKeys& imported_keys);
  void Do(const Send& send);
  void Do(const Connect& connect);
  void Do(const SetTimer& timer);

  // Runs `task` at `at` in place of what was in `slot`. absl::InfiniteDuration(): nothing.
  void Reschedule(std::optional<Scheduler::TaskId>& slot, absl::Duration at, Scheduler::Task task);
  // Notes whether the lease is live, and comes again when it will not be.
  void WatchLease();

  const Surroundings env_;
  SyncClient machine_;
  std::unique_ptr<SyncStream> stream_;
  bool stopped_ = false;
  absl::AnyInvocable<void()> left_;  // set between Leave and the end of the stream
  std::optional<Scheduler::TaskId> timer_;
  std::optional<Scheduler::TaskId> connect_;  // the delay before a connection, then its timeout
  std::optional<Scheduler::TaskId> lease_watch_;

  mutable absl::Mutex mutex_;
  bool lease_live_ ABSL_GUARDED_BY(mutex_) = false;
  bool connected_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status last_error_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace claviger::client

#endif  // CLAVIGER_CLIENT_SRC_SYNC_DRIVER_H_
