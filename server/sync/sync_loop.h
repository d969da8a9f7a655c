// Drives the hub: everything that concerns sessions happens here, one thing after another, so that
// nothing of it needs a lock and no commit waits for a verifier.
#ifndef CLAVIGER_SERVER_SYNC_SYNC_LOOP_H_
#define CLAVIGER_SERVER_SYNC_SYNC_LOOP_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "core/clock.h"
#include "core/key_format.h"
#include "core/sync_messages.h"
#include "server/sync/hub.h"
#include "storage/key_store.h"

namespace claviger::sync {

// The sending end of a stream.
//
// Thread safety: all methods may be called from any thread at once. None blocks.
class SyncStream {
 public:
  virtual ~SyncStream() = default;
  // Queues a message.
  virtual void Send(const FromAuthority& message) = 0;
  // Ends the stream after what is queued.
  virtual void Close(absl::Status status) = 0;
};

// Whose session it is, for those who look at it.
struct SessionOwner {
  std::string caller;
  std::string peer;
};

// Whose stream it is.
struct StreamOwner {
  std::string caller;
  std::string peer;
  std::optional<KeyId> key_id;                  // of the caller, when it is known by a key
  std::function<absl::Status()> still_allowed;  // OK while the caller may verify; must not block
};

// A session with its owner.
struct OwnedSession {
  SessionInfo info;
  std::string caller;
  std::string peer;
};

struct SessionList {
  std::vector<OwnedSession> sessions;
  Revision head;
};

// Is told what happens, for metrics. Called by one thread at a time.
class SyncObserver {
 public:
  virtual ~SyncObserver() = default;
  virtual void OnBarrier(const BarrierReport& report) = 0;
  // From time to time, and after changes.
  virtual void OnState(const HubCounters& counters, const SessionList& sessions) = 0;
};

struct SyncLoopOptions {
  HubOptions hub;
  // Changes of before the start, for subscribers that resume; see Hub::Preload.
  std::vector<Event> history;
  absl::Duration max_stale_on_error = kMaxStaleOnError;
  // Makes durable that leases of up to the given length may be about (I11), then calls back. May be
  // called again with a longer one.
  std::function<void(absl::Duration longest, std::function<void(absl::Status)> done)>
      announce_lease;
};

// One thread at a time is at it: the loop's own, or, for an acknowledgement that finds nobody at
// it, the one that brings it. A revoke would else wait for that thread to wake up once more than it
// must. Who brings something does what waited already and its own, and no more; the
// rest is left to the loop's thread.
//
// Thread safety: all methods may be called from any thread at once, and none blocks except Stop.
class SyncLoop final : public CommitListener {
 public:
  // `clock` and `observer` outlive the loop.
  SyncLoop(SyncLoopOptions options, const Clock& clock, SyncObserver& observer);
  // Stops.
  ~SyncLoop() override;

  ConnectionId NewConnection() { return next_connection_.fetch_add(1, std::memory_order_relaxed); }
  void OnHello(ConnectionId connection, std::shared_ptr<SyncStream> stream, StreamOwner owner,
               Hello hello, ProjectFilter filter);
  void OnBeat(ConnectionId connection, Beat beat);
  void OnClosed(ConnectionId connection);

  // Waits until no verifier accepts what was true before `revision` in `project_id`, or until
  // `deadline` (SinceBoot scale; passed: only looks). `done` runs once, on whichever thread brings
  // the end about, and must not block; with kPending when the loop stops.
  using BarrierDone = absl::AnyInvocable<void(const BarrierReport&)>;
  void Await(Revision revision, std::string project_id, absl::Duration deadline, BarrierDone done);

  void ListSessions(absl::AnyInvocable<void(const SessionList&)> done);

  void OnCommitted(std::span<const Committed> batch) override;

  // Tells every verifier to come back elsewhere or later, ends all streams and barriers. Returns
  // how long leases may still be about; zero or less: none are. Idempotent.
  absl::Duration Stop();

 private:
  using Task = absl::AnyInvocable<void()>;

  struct Stream {
    std::shared_ptr<SyncStream> stream;
    StreamOwner owner;
    absl::Duration next_owner_check = absl::ZeroDuration();
  };

  // More waiting tasks than these are the loop's thread's to do.
  static constexpr size_t kMaxTasksInPassing = 16;

  // Leaves `task` to the loop's thread. False, and the task is dropped, once the loop has ended.
  bool Post(Task task);
  // Runs `task` on this thread if nobody is at it, else as Post. REQUIRES: no lock is held.
  bool RunOrPost(Task task);
  void Loop();
  void RunTasks(std::vector<Task> tasks);
  // The end of a turn: what comes next is another thread's.
  void Yield();
  bool IsDue() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
    return !taken_ && (stopping_ || !tasks_.empty() || next_look_ < asleep_until_);
  }
  bool IsFree() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return !taken_; }

  // All below are for who has set `taken_`.
  void Admit(ConnectionId connection, Stream stream, const Hello& hello, ProjectFilter filter);
  void CheckOwnerIfDue(ConnectionId connection);
  void CheckOwner(ConnectionId connection);
  void Apply(std::vector<Event> events, const std::vector<KeyId>& management_keys);
  void Execute();
  void CloseStream(ConnectionId connection, const absl::Status& status);
  SessionList List() const;
  void Report();
  void EndAll();

  const SyncLoopOptions options_;
  const Clock& clock_;
  SyncObserver& observer_;
  std::atomic<ConnectionId> next_connection_{1};

  absl::Mutex mutex_;
  std::vector<Task> tasks_ ABSL_GUARDED_BY(mutex_);
  bool taken_ ABSL_GUARDED_BY(mutex_) = false;  // a thread is at it
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  // When the loop's thread has to look again if nothing comes, and until when it sleeps.
  absl::Duration next_look_ ABSL_GUARDED_BY(mutex_);
  absl::Duration asleep_until_ ABSL_GUARDED_BY(mutex_);

  // Of who has set `taken_`.
  Hub hub_;
  // Said Hello and are not yet known to the hub; with the last Beat that did not wait for that.
  absl::flat_hash_map<ConnectionId, std::optional<Beat>> arriving_;
  absl::flat_hash_map<ConnectionId, Stream> streams_;
  absl::flat_hash_map<SessionId, SessionOwner> owners_;  // of sessions that are gone, too
  absl::flat_hash_map<uint64_t, BarrierDone> waiting_;
  uint64_t next_barrier_ = 1;
  absl::Duration announced_ = absl::ZeroDuration();
  absl::Duration next_report_;

  std::atomic<bool> stopped_{false};
  std::thread thread_;
};

}  // namespace claviger::sync

#endif  // CLAVIGER_SERVER_SYNC_SYNC_LOOP_H_
