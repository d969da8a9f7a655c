// Frees what lock-free readers may still be looking at, once none of them is.
//
//   { Reclaimer::ReadGuard guard(reclaimer); use(head.load()); }          // a reader
//   Node* old = head.exchange(next); reclaimer.Retire(old, &DeleteNode);  // a writer
//
// Epoch-based reclamation (Fraser, "Practical lock-freedom", 2004, 5.2.3), with a counter in place
// of his three epochs: a reader announces the count at which it began; what was unlinked at a count
// is freed when every announced count is greater.
#ifndef CLAVIGER_CLIENT_SRC_RECLAIMER_H_
#define CLAVIGER_CLIENT_SRC_RECLAIMER_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace claviger::client {

// Thread safety: all methods may be called from any thread at once. A reader never waits: entering
// and leaving is one store each; a thread's first guard allocates its slot. Guards may be nested.
//
// Memory: while a reader stays in its guard, nothing that is retired meanwhile is freed. So nothing
// blocks inside a guard.
class Reclaimer {
 public:
  Reclaimer();
  // Frees all that is pending. REQUIRES: no guard is alive, and nobody calls.
  ~Reclaimer();
  Reclaimer(const Reclaimer&) = delete;
  Reclaimer& operator=(const Reclaimer&) = delete;

 private:
  struct Slot;

 public:
  // What this thread reads from shared pointers while the guard lives stays allocated until the
  // guard is gone. Those pointers are loaded with memory_order_seq_cst, and unlinked with it.
  class ReadGuard {
   public:
    // `reclaimer` outlives the guard.
    explicit ReadGuard(const Reclaimer& reclaimer);
    ~ReadGuard();
    ReadGuard(const ReadGuard&) = delete;
    ReadGuard& operator=(const ReadGuard&) = delete;

   private:
    Slot& slot_;
  };

  // Calls `destroy(object)` when no reader can hold it any more: now, at a later `Retire`, or at
  // the end. REQUIRES: `object` was unlinked before, by a seq_cst store, from all that a new reader
  // can reach. `destroy` does not call back into this object.
  void Retire(void* object, void (*destroy)(void*)) ABSL_LOCKS_EXCLUDED(mutex_);

  // Frees what can be freed.
  void Collect() ABSL_LOCKS_EXCLUDED(mutex_);

  // Retired and not freed yet.
  size_t pending() const ABSL_LOCKS_EXCLUDED(mutex_);
  // Slots that were ever needed at once: the largest number of threads that read.
  size_t slots() const;

 private:
  struct SlotList;
  class ThreadSlots;

  struct Retired {
    void* object;
    void (*destroy)(void*);
    uint64_t count;  // of its unlinking
  };

  static constexpr size_t kCollectAfter = 64;

  Slot& SlotOfThisThread() const;
  std::vector<Retired> TakeFreeable() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const uint64_t id_;  // unlike an address, never used twice
  // Shared with the threads that have slots: one may end after this object.
  const std::shared_ptr<SlotList> list_;
  std::atomic<uint64_t> count_{1};

  mutable absl::Mutex mutex_;
  std::vector<Retired> retired_ ABSL_GUARDED_BY(mutex_);
  size_t collect_at_ ABSL_GUARDED_BY(mutex_) = kCollectAfter;
};

}  // namespace claviger::client

#endif  // CLAVIGER_CLIENT_SRC_RECLAIMER_H_
