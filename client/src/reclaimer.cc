#include "client/src/reclaimer.h"

#include <algorithm>
#include <limits>

namespace claviger::client {

// Why seq_cst. A reader announces itself (A), then loads a pointer (B). A writer unlinks the object
// (C), then looks at the announcements (D). All four are seq_cst, so they have one order. If D
// missed A, then D came before A, hence C before B: the reader found the object unlinked. With
// weaker orders A may still sit in the reader's store buffer while B is done and D reads.
//
// The counts. `Retire` takes the count after C and raises it. A reader that may have seen the
// object loaded its pointer before C, and the count before that: it announces at most the count of
// the object. So whoever announces more cannot have it, and an announcement that is behind the
// times only keeps things longer.

// One thread's announcement. On a cache line of its own: its thread writes it at every guard.
struct alignas(64) Reclaimer::Slot {
  std::atomic<uint64_t> announced{0};  // 0: not reading
  uint32_t depth = 0;                  // guards alive; of the owning thread only
  std::atomic<bool> taken{true};
  Slot* next = nullptr;  // set before the slot is published
};

// Slots are added and used again, never removed, so that the list can be walked without a lock.
struct Reclaimer::SlotList {
  ~SlotList() {
    for (Slot* slot = head.load(std::memory_order_relaxed); slot != nullptr;) {
      Slot* const next = slot->next;
      delete slot;
      slot = next;
    }
  }

  Slot* Take() {
    for (Slot* slot = head.load(std::memory_order_acquire); slot != nullptr; slot = slot->next) {
      bool taken = slot->taken.load(std::memory_order_relaxed);
      if (!taken && slot->taken.compare_exchange_strong(taken, true, std::memory_order_acquire)) {
        return slot;
      }
    }
    auto* const slot = new Slot;
    slot->next = head.load(std::memory_order_relaxed);
    // seq_cst: a writer that does not find the slot looked before its first announcement.
    while (!head.compare_exchange_weak(slot->next, slot, std::memory_order_seq_cst)) {
    }
    return slot;
  }

  std::atomic<Slot*> head{nullptr};
};

// The slots of one thread, one for each reclaimer that it read under; given back when it ends.
class Reclaimer::ThreadSlots {
 public:
  ~ThreadSlots() {
    for (const Held& held : held_) held.slot->taken.store(false, std::memory_order_release);
  }

  Slot* SlotFor(const Reclaimer& reclaimer) {
    const auto found = std::find_if(held_.begin(), held_.end(), [&](const Held& held) {
      return held.reclaimer_id == reclaimer.id_;
    });
    if (found != held_.end()) return found->slot;
    // The reclaimers that are gone left us as the only owner of their list.
    held_.erase(std::remove_if(held_.begin(), held_.end(),
                               [](const Held& held) { return held.list.use_count() == 1; }),
                held_.end());
    held_.push_back({reclaimer.id_, reclaimer.list_, reclaimer.list_->Take()});
    return held_.back().slot;
  }

 private:
  struct Held {
    uint64_t reclaimer_id;
    std::shared_ptr<SlotList> list;
    Slot* slot;
  };
  std::vector<Held> held_;
};

namespace {

uint64_t NextReclaimerId() {
  static std::atomic<uint64_t> last{0};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

}  // namespace

Reclaimer::Reclaimer() : id_(NextReclaimerId()), list_(std::make_shared<SlotList>()) {}

Reclaimer::~Reclaimer() {
  for (const Retired& retired : retired_) retired.destroy(retired.object);
}

Reclaimer::Slot& Reclaimer::SlotOfThisThread() const {
  // Nearly always there is one reclaimer; the last one is remembered without the cost of a
  // thread_local with a destructor.
  struct Last {
    uint64_t reclaimer_id;
    Slot* slot;
  };
  static constinit thread_local Last last{0, nullptr};
  if (last.reclaimer_id != id_) {
    static thread_local ThreadSlots slots;
    last = {id_, slots.SlotFor(*this)};
  }
  return *last.slot;
}

Reclaimer::ReadGuard::ReadGuard(const Reclaimer& reclaimer) : slot_(reclaimer.SlotOfThisThread()) {
  if (slot_.depth++ == 0) {
    slot_.announced.store(reclaimer.count_.load(std::memory_order_seq_cst),
                          std::memory_order_seq_cst);
  }
}

Reclaimer::ReadGuard::~ReadGuard() {
  // Release: what was read under the guard was read before anybody frees it.
  if (--slot_.depth == 0) slot_.announced.store(0, std::memory_order_release);
}

void Reclaimer::Retire(void* object, void (*destroy)(void*)) {
  std::vector<Retired> freeable;
  {
    absl::MutexLock lock(&mutex_);
    retired_.push_back({object, destroy, count_.fetch_add(1, std::memory_order_seq_cst)});
    if (retired_.size() >= collect_at_) freeable = TakeFreeable();
  }
  for (const Retired& retired : freeable) retired.destroy(retired.object);
}

void Reclaimer::Collect() {
  std::vector<Retired> freeable;
  {
    absl::MutexLock lock(&mutex_);
    freeable = TakeFreeable();
  }
  for (const Retired& retired : freeable) retired.destroy(retired.object);
}

std::vector<Reclaimer::Retired> Reclaimer::TakeFreeable() {
  uint64_t oldest = std::numeric_limits<uint64_t>::max();
  for (const Slot* slot = list_->head.load(std::memory_order_seq_cst); slot != nullptr;
       slot = slot->next) {
    const uint64_t announced = slot->announced.load(std::memory_order_seq_cst);
    if (announced != 0) oldest = std::min(oldest, announced);
  }
  // They are in the order of their counts.
  const auto end = std::find_if(retired_.begin(), retired_.end(), [oldest](const Retired& retired) {
    return retired.count >= oldest;
  });
  std::vector<Retired> freeable(retired_.begin(), end);
  retired_.erase(retired_.begin(), end);
  // Twice what has to stay: the cost of looking stays in proportion under a slow reader.
  collect_at_ = std::max(kCollectAfter, 2 * retired_.size());
  return freeable;
}

size_t Reclaimer::pending() const {
  absl::MutexLock lock(&mutex_);
  return retired_.size();
}

size_t Reclaimer::slots() const {
  size_t count = 0;
  for (const Slot* slot = list_->head.load(std::memory_order_acquire); slot != nullptr;
       slot = slot->next) {
    ++count;
  }
  return count;
}

}  // namespace claviger::client
