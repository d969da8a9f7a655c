// The one writer of a store: collects the mutations that wait and makes them durable together
// (group commit), so that many callers share one synced write.
#ifndef CLAVIGER_STORAGE_GROUP_COMMITTER_H_
#define CLAVIGER_STORAGE_GROUP_COMMITTER_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "core/clock.h"
#include "storage/key_store.h"
#include "storage/numbered_change.h"
#include "storage/overlay_reader.h"

namespace claviger {

// Where numbered changes go. Called on the writer thread only.
class CommitBackend {
 public:
  virtual ~CommitBackend() = default;

  // OK, or RESOURCE_EXHAUSTED `STORE_FULL` when there is no room for such a change now.
  virtual absl::Status Admit(Admission admission) = 0;
  // Makes all of `batch` durable, then visible to reads, together. After an error it is unknown
  // whether they are durable, and Write is not called again.
  virtual absl::Status Write(std::span<const NumberedChange> batch) = 0;
};

struct GroupCommitOptions {
  // Waiting mutations; one more is refused with `OVERLOADED`. At least 1.
  size_t max_queued = 10'000;
  // Mutations in one write. At least 1.
  size_t max_batch = 512;
  // May be empty. Called on the writer thread.
  BatchObserver observer;
};

// Where a store's history stood when it was opened.
struct CommitPosition {
  Revision applied;
  absl::Time highest_time = absl::InfinitePast();
};

// Runs mutations in order on a thread of its own.
//
// A batch goes through: run each mutation over the committed state and its predecessors; number
// those that changed something; write once; tell the listeners; publish the applied revision;
// complete. The listeners come before the revision is published, so that a cache that listens is
// never behind the revision an answer carries. Completions run in the same order on a second
// thread: to make answers takes as long as to make changes, and the next batch need not wait for
// it.
//
// After a failed write nothing is written any more: what is on disk is unknown until a restart
// reads it. The batch's mutations, and all later ones, get `STORE_UNAVAILABLE`.
//
// Thread safety: all methods may be called from any thread at once, except AddListener and Close.
class GroupCommitter {
 public:
  // `state` is what `backend` writes to. All references outlive this.
  GroupCommitter(const StateReader& state, CommitBackend& backend, const Clock& clock,
                 GroupCommitOptions options, const CommitPosition& position);
  ~GroupCommitter();

  GroupCommitter(const GroupCommitter&) = delete;
  GroupCommitter& operator=(const GroupCommitter&) = delete;

  // The following are as in KeyStore.
  void Commit(Mutation mutation, CommitDone done);
  void AddListener(CommitListener* listener) { listeners_.push_back(listener); }
  Revision applied_revision() const { return {applied_.load(std::memory_order_acquire)}; }
  absl::Time highest_time_seen() const;
  StoreHealth health() const;
  // REQUIRES: not on a thread of this.
  void Close();

  // Refuses mutations from now on because of `why`. The first reason stays.
  void RefuseForGood(const absl::Status& why);

 private:
  struct Pending {
    Mutation mutation;
    CommitDone done;
  };
  struct Completion {
    CommitDone done;
    absl::StatusOr<Committed> outcome;
  };

  bool HasWork() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return closing_ || !queue_.empty(); }
  void WriterLoop();
  // Waits for mutations and takes them; empty: closed and drained.
  std::vector<Pending> TakeBatch();
  void RunBatch(std::vector<Pending> batch);
  absl::StatusOr<Committed> RunMutation(Mutation& mutation, OverlayReader& state, absl::Time now,
                                        std::vector<NumberedChange>& changes);
  void Publish(std::span<const NumberedChange> changes, absl::Time now);
  void Complete(std::vector<Completion> completions);
  bool HasCompletions() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(completions_mutex_) {
    return writer_ended_ || !completions_.empty();
  }
  void CompletionLoop();

  const StateReader& state_;
  CommitBackend& backend_;
  const Clock& clock_;
  const GroupCommitOptions options_;
  std::vector<CommitListener*> listeners_;  // constant from the first Commit on

  std::atomic<uint64_t> applied_;         // written by the writer thread only
  std::atomic<int64_t> highest_time_ns_;  // written by the writer thread only

  mutable absl::Mutex mutex_;
  std::deque<Pending> queue_ ABSL_GUARDED_BY(mutex_);
  bool closing_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status writable_ ABSL_GUARDED_BY(mutex_);

  absl::Mutex completions_mutex_;
  std::vector<Completion> completions_ ABSL_GUARDED_BY(completions_mutex_);
  bool writer_ended_ ABSL_GUARDED_BY(completions_mutex_) = false;

  std::thread completer_;
  std::thread writer_;
};

}  // namespace claviger

#endif  // CLAVIGER_STORAGE_GROUP_COMMITTER_H_
