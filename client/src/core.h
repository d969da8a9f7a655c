// A client's parts, in the order in which they are made; shared with the client's thread, which may
// outlive the Client for a moment.
#ifndef CLAVIGER_CLIENT_SRC_CORE_H_
#define CLAVIGER_CLIENT_SRC_CORE_H_

#include <memory>
#include <string_view>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "claviger/client.h"
#include "client/src/check_engine.h"
#include "client/src/connection.h"
#include "client/src/event_loop.h"
#include "client/src/flight_table.h"
#include "client/src/grant_cache.h"
#include "client/src/grpc_authority.h"
#include "client/src/grpc_sync_stream.h"
#include "client/src/insert_fence.h"
#include "client/src/negative_cache.h"
#include "client/src/sync_driver.h"
#include "client/src/usage_collector.h"
#include "client/src/verifier_view.h"
#include "core/clock.h"
#include "core/key_hints.h"
#include "core/random.h"

namespace claviger::client {

// Thread safety: all methods may be called from any thread at once.
class Core {
 public:
  // As Client::Create says. `clock` and `random` live for ever.
  static absl::StatusOr<std::shared_ptr<Core>> Create(ClientOptions options, const Clock& clock,
                                                      RandomSource& random);

  // REQUIRES: Close was called.
  ~Core() = default;
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;

  Decision Check(std::string_view key, const CheckRequirements& requirements) {
    return engine_.Check(key, requirements, /*may_wait=*/!loop_.OnLoopThread());
  }
  void CheckAsync(std::string_view key, const CheckRequirements& requirements,
                  CheckCallback callback) {
    engine_.CheckAsync(key, requirements, std::move(callback));
  }
  bool WaitForLease(absl::Duration timeout) const { return driver_.WaitForLease(timeout); }
  ClientState state() const;
  void Close();

 private:
  // Of keys that were made elsewhere: 64 MiB of hints, once there are such keys.
  static constexpr size_t kMaxForeignHints = size_t{1} << 20;
  // Close waits so long for the thread.
  static constexpr absl::Duration kCloseTimeout = absl::Milliseconds(4500);
  // And before that so long for the authority to take the last reports of usage.
  static constexpr absl::Duration kLeaveTimeout = absl::Milliseconds(500);

  void ReportTheRest();

  Core(ClientOptions options, Connection::Options connection, const sync::SessionId& session,
       const Clock& clock, RandomSource& random);

  const Clock& clock_;
  const std::shared_ptr<ClientObserver> observer_;
  VerifierView view_;
  GrantCache grants_;
  NegativeCache negatives_;
  KeyHints foreign_;
  InsertFence fence_;
  UsageCollector usage_;
  FlightTable flights_;
  Connection connection_;
  EventLoop loop_;
  GrpcAuthority authority_;
  GrpcSyncStreamOpener opener_;
  SyncDriver driver_;
  CheckEngine engine_;

  absl::Mutex mutex_;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  // Holds a reference to this object while it runs.
  std::thread thread_ ABSL_GUARDED_BY(mutex_);
  absl::Notification ended_;
};

}  // namespace claviger::client

#endif  // CLAVIGER_CLIENT_SRC_CORE_H_
