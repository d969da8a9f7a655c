#include "client/src/grant_cache.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <utility>

#include "absl/hash/hash.h"

namespace claviger::client {
namespace {

constexpr size_t kMaxEntries = size_t{1} << 26;

GrantCache::Limits Coerced(GrantCache::Limits limits) {
  limits.max_entries = std::clamp<size_t>(limits.max_entries, 1, kMaxEntries);
  return limits;
}

void DeleteEntry(void* entry) { delete static_cast<GrantEntry*>(entry); }

}  // namespace

GrantEntry::GrantEntry(NewGrant&& from, uint64_t generation, size_t bytes)
    : id_(from.grant->id),
      generation_(generation),
      end_nanos_(absl::ToInt64Nanoseconds(from.end_of_life)),
      grant_(std::move(from.grant)),
      hash_(from.hash),
      revision_(from.revision),
      bytes_(bytes) {}

// Twice as many buckets as entries: chains stay near one entry, each of which is a cache miss.
GrantCache::GrantCache(const Limits& limits)
    : limits_(Coerced(limits)),
      bucket_mask_(std::max(kShards, 2 * std::bit_ceil(limits_.max_entries)) - 1),
      buckets_(new Bucket[bucket_mask_ + 1]) {}

GrantCache::~GrantCache() {
  for (Shard& shard : shards_) {
    absl::MutexLock lock(&shard.mutex);
    for (GrantEntry* entry : shard.ring) delete entry;
  }
}

// absl::Hash has a seed of this process, so nobody outside can choose ids for one chain.
size_t GrantCache::BucketIndex(const KeyId& id) const {
  return absl::Hash<KeyId>()(id) & bucket_mask_;
}

// A chain lies in one shard.
GrantCache::Shard& GrantCache::ShardOf(const KeyId& id) {
  return shards_[BucketIndex(id) % kShards];
}

void GrantCache::Bucket::Begin(GrantEntry* entry) {
  const CachedGrant* const its = entry == nullptr ? nullptr : entry->grant_.get();
  grant.store(its, std::memory_order_relaxed);
  scopes.store(its == nullptr ? nullptr : its->scopes.scopes().data(), std::memory_order_relaxed);
  first.store(entry, std::memory_order_seq_cst);
}

void GrantCache::Prefetch(const Place& place) const {
  const Bucket& bucket = buckets_[place.bucket];
  const GrantEntry* const first = bucket.first.load(std::memory_order_relaxed);
  if (first == nullptr) return;
  // Addresses to fetch from, and not to be read: numbers, since there may be nothing there.
  const auto fetch_two_lines = [](uintptr_t begin) {
    __builtin_prefetch(reinterpret_cast<const void*>(begin));
    __builtin_prefetch(reinterpret_cast<const void*>(begin + 64));
  };
  const auto address = [](const void* at) { return reinterpret_cast<uintptr_t>(at); };
  fetch_two_lines(address(first));
  // The count of references stands before what std::make_shared made.
  fetch_two_lines(address(bucket.grant.load(std::memory_order_relaxed)) - 16);
  fetch_two_lines(address(bucket.scopes.load(std::memory_order_relaxed)));
}

const GrantEntry* GrantCache::Find(const Place& place) const {
  const GrantEntry* entry = FindInChain(place);
  if (entry == nullptr || entry->generation_ != generation_.load(std::memory_order_seq_cst)) {
    return nullptr;
  }
  // Written once per round of the hand: a line that everybody reads stays shared.
  if (!entry->referenced_.load(std::memory_order_relaxed)) {
    entry->referenced_.store(true, std::memory_order_relaxed);
  }
  return entry;
}

// All loads and stores of links are seq_cst, as Reclaimer demands. Evictions are visible to every
// later lookup since their store is done before the shard's mutex is released.
GrantEntry* GrantCache::FindInChain(const Place& place) const {
  GrantEntry* entry = buckets_[place.bucket].first.load(std::memory_order_seq_cst);
  while (entry != nullptr && entry->id_ != place.id) {
    entry = entry->next_.load(std::memory_order_seq_cst);
  }
  return entry;
}

bool GrantCache::Insert(NewGrant grant) {
  const size_t bytes = sizeof(GrantEntry) + MemoryOf(*grant.grant);
  const KeyId id = grant.grant->id;
  // Read before anything else: what a Flush meanwhile should have taken is then not there.
  const uint64_t generation = generation_.load(std::memory_order_seq_cst);
  if (!Reserve(bytes, BucketIndex(id) % kShards)) return false;
  std::unique_ptr<GrantEntry> entry(new GrantEntry(std::move(grant), generation, bytes));

  Shard& shard = ShardOf(id);
  absl::MutexLock lock(&shard.mutex);
  if (GrantEntry* const old = FindInChain(Locate(id)); old != nullptr) {
    if (old->generation_ == generation && old->revision_ > entry->revision_) {
      Release(bytes);
      return false;
    }
    Remove(shard, old);
  }
  Bucket& bucket = buckets_[BucketIndex(id)];
  entry->next_.store(bucket.first.load(std::memory_order_relaxed), std::memory_order_relaxed);
  entry->ring_index_ = shard.ring.size();
  shard.ring.push_back(entry.get());
  bucket.Begin(entry.release());
  return true;
}

void GrantCache::Evict(const KeyId& id) {
  Shard& shard = ShardOf(id);
  absl::MutexLock lock(&shard.mutex);
  if (GrantEntry* const entry = FindInChain(Locate(id)); entry != nullptr) Remove(shard, entry);
}

template <typename Predicate>
bool GrantCache::RemoveIf(Shard& shard, Predicate predicate) {
  const size_t before = shard.ring.size();
  for (size_t i = 0; i < shard.ring.size();) {
    if (predicate(*shard.ring[i])) {
      Remove(shard, shard.ring[i]);  // puts another one in its place
    } else {
      ++i;
    }
  }
  return shard.ring.size() < before;
}

void GrantCache::EvictProject(std::string_view project_id) {
  for (Shard& shard : shards_) {
    absl::MutexLock lock(&shard.mutex);
    RemoveIf(shard, [project_id](const GrantEntry& entry) {
      return entry.grant_->project_id == project_id;
    });
  }
}

void GrantCache::Flush() { generation_.fetch_add(1, std::memory_order_seq_cst); }

// Entries are counted before they are linked, so that the bounds hold at every moment.
bool GrantCache::Reserve(size_t bytes, size_t first_shard) {
  if (bytes > limits_.max_bytes) return false;
  // Another thread may take the room that this one makes: a bound on the tries, for it is only a
  // cache.
  constexpr int kMaxTries = 1'000;
  for (int i = 0; i < kMaxTries; ++i) {
    if (TryReserve(bytes)) return true;
    if (!MakeRoom(first_shard)) return false;
  }
  return false;
}

bool GrantCache::TryReserve(size_t bytes) {
  if (entries_.fetch_add(1, std::memory_order_relaxed) < limits_.max_entries) {
    const size_t before = bytes_.fetch_add(bytes, std::memory_order_relaxed);
    if (before + bytes <= limits_.max_bytes) return true;
    bytes_.fetch_sub(bytes, std::memory_order_relaxed);
  }
  entries_.fetch_sub(1, std::memory_order_relaxed);
  return false;
}

void GrantCache::Release(size_t bytes) {
  entries_.fetch_sub(1, std::memory_order_relaxed);
  bytes_.fetch_sub(bytes, std::memory_order_relaxed);
}

bool GrantCache::MakeRoom(size_t first_shard) {
  const uint64_t generation = generation_.load(std::memory_order_seq_cst);
  if (purged_.load(std::memory_order_relaxed) != generation) {
    for (Shard& shard : shards_) {
      if (PurgeFlushed(shard, generation)) return true;
    }
    purged_.store(generation, std::memory_order_relaxed);
  }
  for (size_t i = 0; i < kShards; ++i) {
    if (EvictOne(shards_[(first_shard + i) % kShards])) return true;
  }
  return false;
}

bool GrantCache::PurgeFlushed(Shard& shard, uint64_t generation) {
  absl::MutexLock lock(&shard.mutex);
  if (shard.purged == generation) return false;
  shard.purged = generation;
  return RemoveIf(
      shard, [generation](const GrantEntry& entry) { return entry.generation_ != generation; });
}

bool GrantCache::EvictOne(Shard& shard) {
  absl::MutexLock lock(&shard.mutex);
  if (shard.ring.empty()) return false;
  // After one round every entry has lost its second chance, or was found again meanwhile.
  const size_t looks = shard.ring.size() + 1;
  for (size_t i = 0; i < looks; ++i, ++shard.hand) {
    if (shard.hand >= shard.ring.size()) shard.hand = 0;
    std::atomic<bool>& referenced = shard.ring[shard.hand]->referenced_;
    if (!referenced.load(std::memory_order_relaxed)) break;
    referenced.store(false, std::memory_order_relaxed);
  }
  Remove(shard, shard.ring[shard.hand % shard.ring.size()]);
  return true;
}

void GrantCache::TakeUses(UseCursor& cursor, size_t visits, size_t max_keys, absl::Duration now,
                          std::vector<sync::KeyUse>& out) {
  // So many under one lock.
  constexpr size_t kVisitsAtOnce = 1024;
  for (size_t shards = 0; shards <= kShards && visits > 0 && out.size() < max_keys;) {
    Shard& shard = shards_[cursor.shard];
    absl::MutexLock lock(&shard.mutex);
    while (!shard.gone.empty() && out.size() < max_keys) {
      GoneUse& gone = shard.gone.back();
      if (gone.use.last_used_ago.has_value()) gone.use.last_used_ago = now - gone.last_used;
      out.push_back(std::move(gone.use));
      shard.gone.pop_back();
    }
    const size_t end = std::min(shard.ring.size(), cursor.index + std::min(visits, kVisitsAtOnce));
    for (; cursor.index < end && out.size() < max_keys; ++cursor.index, --visits) {
      std::optional<sync::KeyUse> use = TakeUse(*shard.ring[cursor.index]->grant_, now);
      if (use.has_value()) out.push_back(*std::move(use));
    }
    if (cursor.index < shard.ring.size()) continue;
    cursor = {.shard = (cursor.shard + 1) % kShards, .index = 0};
    ++shards;
  }
}

void GrantCache::Remove(Shard& shard, GrantEntry* entry) {
  if (shard.gone.size() < kMaxGone) {
    // Counted from boot: how long ago that was is for who takes it to say.
    std::optional<sync::KeyUse> use = TakeUse(*entry->grant_, absl::ZeroDuration());
    if (use.has_value()) {
      shard.gone.push_back({.use = *std::move(use), .last_used = LastUseOf(*entry->grant_)});
    }
  }
  // A reader that stands on `entry` still finds its way on: `entry` keeps its link.
  GrantEntry* const next = entry->next_.load(std::memory_order_relaxed);
  Bucket& bucket = buckets_[BucketIndex(entry->id_)];
  GrantEntry* before = bucket.first.load(std::memory_order_relaxed);
  if (before == entry) {
    bucket.Begin(next);
  } else {
    while (before->next_.load(std::memory_order_relaxed) != entry) {
      before = before->next_.load(std::memory_order_relaxed);
    }
    before->next_.store(next, std::memory_order_seq_cst);
  }

  GrantEntry* const last = shard.ring.back();
  shard.ring[entry->ring_index_] = last;
  last->ring_index_ = entry->ring_index_;
  shard.ring.pop_back();

  Release(entry->bytes_);
  reclaimer_.Retire(entry, &DeleteEntry);
}

}  // namespace claviger::client
