#include "client/src/negative_cache.h"

#include <algorithm>

#include "absl/hash/hash.h"

namespace claviger::client {

NegativeCache::NegativeCache(size_t capacity)
    : sets_per_shard_((std::max<size_t>(capacity, 256) + kShards * kWays - 1) / (kShards * kWays)) {
  for (Shard& shard : shards_) {
    absl::MutexLock lock(&shard.mutex);
    shard.sets.resize(sets_per_shard_);
  }
}

NegativeCache::Place NegativeCache::PlaceOf(const KeyId& id) const {
  const size_t hash = absl::Hash<KeyId>()(id);
  return {.shard = hash % kShards, .set = hash / kShards % sets_per_shard_};
}

bool NegativeCache::Contains(const KeyId& id, const KeyHash& hash, absl::Duration now) const {
  const Place place = PlaceOf(id);
  const Shard& shard = shards_[place.shard];
  absl::MutexLock lock(&shard.mutex);
  const Set& set = shard.sets[place.set];
  return std::any_of(set.begin(), set.end(), [&](const Answer& answer) {
    return now < answer.end && answer.id == id && Equal(answer.hash, hash);
  });
}

void NegativeCache::Insert(const KeyId& id, const KeyHash& hash, absl::Duration asked_at) {
  const Place place = PlaceOf(id);
  Shard& shard = shards_[place.shard];
  absl::MutexLock lock(&shard.mutex);
  Set& set = shard.sets[place.set];
  auto way = std::find_if(set.begin(), set.end(), [&](const Answer& answer) {
    return answer.id == id && Equal(answer.hash, hash);
  });
  if (way == set.end()) {
    way = std::min_element(set.begin(), set.end(),
                           [](const Answer& a, const Answer& b) { return a.end < b.end; });
  }
  *way = {.id = id, .hash = hash, .end = std::max(way->end, asked_at + kMaxAge)};
}

void NegativeCache::Evict(const KeyId& id) {
  const Place place = PlaceOf(id);
  Shard& shard = shards_[place.shard];
  absl::MutexLock lock(&shard.mutex);
  for (Answer& answer : shard.sets[place.set]) {
    if (answer.id == id) answer = Answer();
  }
}

void NegativeCache::Flush() {
  for (Shard& shard : shards_) {
    absl::MutexLock lock(&shard.mutex);
    std::fill(shard.sets.begin(), shard.sets.end(), Set());
  }
}

}  // namespace claviger::client
