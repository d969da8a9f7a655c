// Positive answers by key id: what makes a check cost no call.
//
//   const GrantCache::Place place = cache.Locate(id);
//   GrantCache::Reader reader(cache);
//   KeyHash hash;
//   const GrantEntry* entry = reader.Find(place, [&] { hash = HashKey(key); }, [] {});
//   if (entry != nullptr && entry->LiveAt(now) && Equal(entry->hash(), hash)) …
#ifndef CLAVIGER_CLIENT_SRC_GRANT_CACHE_H_
#define CLAVIGER_CLIENT_SRC_GRANT_CACHE_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "client/src/cached_grant.h"
#include "client/src/reclaimer.h"
#include "core/digest.h"
#include "core/key_format.h"
#include "core/revision.h"
#include "core/sync_messages.h"

namespace claviger::client {

// An answer on its way into the cache.
struct NewGrant {
  KeyHash hash;  // of the whole key
  std::shared_ptr<const CachedGrant> grant;
  // On the scale of Clock::SinceBoot; absl::InfiniteDuration(): never.
  absl::Duration end_of_life = absl::InfiniteDuration();
  Revision revision;  // what the answer reflects
};

// A cached answer.
//
// Thread safety: immutable but for what the cache keeps in it.
class alignas(64) GrantEntry {
 public:
  const KeyHash& hash() const { return hash_; }
  const std::shared_ptr<const CachedGrant>& grant() const { return grant_; }
  Revision revision() const { return revision_; }
  // `now` on the scale of Clock::SinceBoot.
  bool LiveAt(absl::Duration now) const { return absl::ToInt64Nanoseconds(now) < end_nanos_; }

 private:
  friend class GrantCache;

  GrantEntry(NewGrant&& from, uint64_t generation, size_t bytes);

  // The first cache line tells whether this is the entry, the second whether it is the key.
  std::atomic<GrantEntry*> next_{nullptr};
  const KeyId id_;
  const uint64_t generation_;
  const int64_t end_nanos_;
  const std::shared_ptr<const CachedGrant> grant_;
  // Second chance: found since the hand came by.
  mutable std::atomic<bool> referenced_{false};
  const KeyHash hash_;
  const Revision revision_;
  const size_t bytes_;
  size_t ring_index_ = 0;  // guarded by the shard's mutex
};

// Bounded in entries and bytes, evicted by second chance (CLOCK). Holds at most one entry per key
// id. Knows nothing of leases and revisions: what may be inserted when is InsertFence's to say.
//
// Thread safety: all methods may be called from any thread at once. Lookups take no lock and
// allocate nothing; changes of different shards share no lock.
//
// Consistency: once Evict, EvictProject or Flush returned, no Reader::Find begun afterwards gives
// what it removed.
class GrantCache {
 public:
  struct Limits {
    size_t max_entries = 100'000;  // 1 to 2^26; coerced
    size_t max_bytes =
        64 << 20;  // of the entries and grants; the index takes 64 to 128 bytes an entry
  };

  explicit GrantCache(const Limits& limits);
  // REQUIRES: no Reader is alive, and nobody calls.
  ~GrantCache();
  GrantCache(const GrantCache&) = delete;
  GrantCache& operator=(const GrantCache&) = delete;

  // Where the entry of an id is, if there is one.
  struct Place {
    KeyId id;
    size_t bucket;
  };
  // Begins to fetch the memory there: worth calling early.
  Place Locate(const KeyId& id) const {
    const Place place{id, BucketIndex(id)};
    __builtin_prefetch(&buckets_[place.bucket]);
    return place;
  }

  // Keeps the entries that it finds allocated. Short-lived, on the stack, nothing blocks meanwhile.
  class Reader {
   public:
    // `cache` outlives the reader.
    explicit Reader(const GrantCache& cache) : cache_(cache), guard_(cache.reclaimer_) {}

    // The entry at `place`, to be used while this reader lives; null: none. Whether it is still
    // alive and the hash matches is the caller's to test. `meanwhile` runs while it is being
    // fetched where the entry lies, and `then` while the entry and its grant are.
    template <typename Meanwhile, typename Then>
    const GrantEntry* Find(const Place& place, Meanwhile meanwhile, Then then) const {
      meanwhile();
      cache_.Prefetch(place);
      then();
      return cache_.Find(place);
    }
    const GrantEntry* Find(const KeyId& id) const { return cache_.Find(cache_.Locate(id)); }

   private:
    const GrantCache& cache_;
    const Reclaimer::ReadGuard guard_;
  };

  // Replaces the entry of the same id unless that one reflects a later revision. False: not
  // inserted (older than what is there, or larger than the whole cache).
  bool Insert(NewGrant grant);

  void Evict(const KeyId& id);
  // Goes through all entries.
  void EvictProject(std::string_view project_id);
  // Takes constant time; the memory comes back as new entries need it.
  void Flush();

  // Where TakeUses goes on.
  struct UseCursor {
    size_t shard = 0;
    size_t index = 0;
  };
  // Takes what checks from the cache have counted out of at most `visits` entries, until `max_keys`
  // are in `out`, and what entries had counted that are gone. At most once around. A check that has
  // found an entry which is removed just then may be missed. `now` on the scale of
  // Clock::SinceBoot.
  void TakeUses(UseCursor& cursor, size_t visits, size_t max_keys, absl::Duration now,
                std::vector<sync::KeyUse>& out);

  // With the flushed ones that still take memory.
  size_t entries() const { return entries_.load(std::memory_order_relaxed); }
  size_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
  const Limits& limits() const { return limits_; }

 private:
  static constexpr size_t kShards = 64;
  // Of a shard. What more entries that go have counted is lost.
  static constexpr size_t kMaxGone = 256;

  // What an entry that is gone had counted.
  struct GoneUse {
    sync::KeyUse use;
    absl::Duration last_used;  // on the scale of Clock::SinceBoot
  };

  // The first entry of a chain, and where its grant is, which else would be known only once the
  // entry had come from memory. Only `first` is relied on: the others may be of an entry that is
  // gone.
  struct alignas(32) Bucket {
    std::atomic<GrantEntry*> first{nullptr};
    std::atomic<const void*> grant{nullptr};
    std::atomic<const void*> scopes{nullptr};

    void Begin(GrantEntry* entry);
  };

  struct alignas(64) Shard {
    absl::Mutex mutex;
    std::vector<GrantEntry*> ring ABSL_GUARDED_BY(mutex);
    size_t hand ABSL_GUARDED_BY(mutex) = 0;
    uint64_t purged ABSL_GUARDED_BY(mutex) = 0;  // generation whose forerunners are gone from here
    std::vector<GoneUse> gone ABSL_GUARDED_BY(mutex);
  };

  size_t BucketIndex(const KeyId& id) const;
  Shard& ShardOf(const KeyId& id);
  // REQUIRES: a Reader is alive.
  void Prefetch(const Place& place) const;
  const GrantEntry* Find(const Place& place) const;
  // Whatever its generation. REQUIRES: a Reader is alive, or the shard's mutex is held.
  GrantEntry* FindInChain(const Place& place) const;
  // Counts an entry in, making room for it.
  bool Reserve(size_t bytes, size_t first_shard);
  bool TryReserve(size_t bytes);
  void Release(size_t bytes);
  // Drops at least one entry: flushed ones, else what has no second chance in the first shard from
  // `first_shard` on that has any. False: all shards are empty.
  bool MakeRoom(size_t first_shard);
  bool PurgeFlushed(Shard& shard, uint64_t generation) ABSL_LOCKS_EXCLUDED(shard.mutex);
  bool EvictOne(Shard& shard) ABSL_LOCKS_EXCLUDED(shard.mutex);
  // Whether any was removed.
  template <typename Predicate>
  bool RemoveIf(Shard& shard, Predicate predicate) ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mutex);
  // Takes `entry` out of chain and ring, and retires it.
  void Remove(Shard& shard, GrantEntry* entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mutex);

  const Limits limits_;
  const size_t bucket_mask_;
  const std::unique_ptr<Bucket[]> buckets_;  // changed under their shard's mutex
  std::array<Shard, kShards> shards_;
  std::atomic<uint64_t> generation_{0};  // entries of another one are not there
  std::atomic<uint64_t> purged_{0};      // as in Shard, of all of them
  std::atomic<size_t> entries_{0};
  std::atomic<size_t> bytes_{0};
  Reclaimer reclaimer_;
};

}  // namespace claviger::client

#endif  // CLAVIGER_CLIENT_SRC_GRANT_CACHE_H_
