// Tells streams of audit entries as they are made.
#ifndef CLAVIGER_SERVER_MANAGE_AUDIT_WATCH_H_
#define CLAVIGER_SERVER_MANAGE_AUDIT_WATCH_H_

#include <atomic>
#include <cstddef>
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
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "core/audit_entry.h"
#include "server/manage/audit_list.h"
#include "storage/key_store.h"

namespace claviger {

// Something that a stream is told: an entry, or only that everything up to `position` was looked
// at.
struct AuditNews {
  std::optional<AuditEntry> entry;
  Revision position;
};

// The sending end of a stream.
//
// Thread safety: all methods may be called from any thread at once. None blocks.
class AuditStream {
 public:
  virtual ~AuditStream() = default;
  // Sends these, then calls AuditWatch::OnSent; until then it gets no more.
  virtual void Send(std::vector<AuditNews> news) = 0;
  // Ends the stream after what is being sent.
  virtual void Close(absl::Status status) = 0;
};

// What a stream asks for.
struct AuditWatchParams {
  AuditSelection selection;
  Revision after;
  bool from_now = false;  // instead of `after`
  std::string actor;      // whose stream it is, as Caller::actor says
  // OK while the caller may read; must not block.
  std::function<absl::Status()> still_allowed;
};

using AuditWatchId = uint64_t;

// Reads for all streams on a thread of its own, which sleeps while nothing is committed and nobody
// lags: an idle stream costs its memory. Before a stream is told anything its caller is looked at
// again; so it is whenever a management key changes, and when CheckCallers says so.
//
// A stream has one lot of entries on its way at most, so one that is not read costs a bounded
// amount and keeps nobody else waiting.
//
// Thread safety: all methods may be called from any thread at once, and none blocks except Stop.
class AuditWatch final : public CommitListener {
 public:
  // Streams at once. One more is refused.
  static constexpr size_t kMaxStreams = 256;
  // Of one actor, so that none takes them all.
  static constexpr size_t kMaxStreamsOfActor = 32;
  // Entries that are read for a stream before it is another one's turn.
  static constexpr size_t kEntriesPerTurn = 256;
  // A stream that nothing is for is told its position after so many entries.
  static constexpr uint64_t kPositionEvery = 1000;

  // `store` outlives this. The store's listener from before the first commit on.
  explicit AuditWatch(const KeyStore& store);
  // Stops.
  ~AuditWatch() override;

  AuditWatchId NewId() { return next_id_.fetch_add(1, std::memory_order_relaxed); }
  // Begins with a position. The stream is closed with INVALID_ARGUMENT when it asks for what is
  // behind the end of the log, and with an error of the store. RESOURCE_EXHAUSTED or UNAVAILABLE
  // when it is not taken at all.
  absl::Status Add(AuditWatchId id, std::shared_ptr<AuditStream> stream, AuditWatchParams params)
      ABSL_LOCKS_EXCLUDED(mutex_);
  void OnSent(AuditWatchId id) ABSL_LOCKS_EXCLUDED(mutex_);
  void OnClosed(AuditWatchId id) ABSL_LOCKS_EXCLUDED(mutex_);
  void OnCommitted(std::span<const Committed> batch) override ABSL_LOCKS_EXCLUDED(mutex_);
  // Looks at every stream's caller: for what ends a permission without a commit.
  void CheckCallers() ABSL_LOCKS_EXCLUDED(mutex_);

  // Ends all streams. Idempotent.
  void Stop() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  // Of the thread, but for `ready`.
  struct Watcher {
    Watcher(std::shared_ptr<AuditStream> s, AuditWatchParams p)
        : stream(std::move(s)), params(std::move(p)), position(params.after) {}

    const std::shared_ptr<AuditStream> stream;
    const AuditWatchParams params;
    bool begun = false;
    Revision position;              // everything up to here was read
    Revision told;                  // and up to here the stream knows
    std::atomic<bool> ready{true};  // nothing is on its way
  };
  using Watchers = absl::flat_hash_map<AuditWatchId, std::shared_ptr<Watcher>>;

  bool HasWork() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return stopping_ || woken_; }
  void Loop();
  // Whether more could be told at once.
  bool Serve(AuditWatchId id, Watcher& watcher, Revision head, bool check_caller);
  // The first message: the position.
  absl::Status Begin(Watcher& watcher, Revision head);
  // Reads one lot and sends what is for the stream.
  absl::Status Advance(Watcher& watcher);
  void Send(Watcher& watcher, std::vector<AuditNews> news);

  const KeyStore& store_;
  std::atomic<AuditWatchId> next_id_{1};

  absl::Mutex mutex_;
  Watchers watchers_ ABSL_GUARDED_BY(mutex_);
  Revision head_ ABSL_GUARDED_BY(mutex_);
  bool woken_ ABSL_GUARDED_BY(mutex_) = false;
  bool check_callers_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;

  absl::Mutex join_mutex_;
  std::thread thread_ ABSL_GUARDED_BY(join_mutex_);
};

}  // namespace claviger

#endif  // CLAVIGER_SERVER_MANAGE_AUDIT_WATCH_H_
