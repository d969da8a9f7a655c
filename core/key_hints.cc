#include "core/key_hints.h"

#include <algorithm>
#include <cstring>

namespace claviger {

KeyHints::KeyHints(size_t capacity)
    : sets_per_shard_((std::max<size_t>(capacity, 256) + kShards * kWays - 1) / (kShards * kWays)) {
}

// A hash is random enough to be its own place. Whoever makes texts for one set pushes out hints,
// and only those that lead to keys come in here.
KeyHints::Place KeyHints::PlaceOf(const KeyHash& hash) const {
  uint64_t number = 0;
  std::memcpy(&number, hash.bytes.data(), sizeof number);
  return {.shard = number % kShards, .set = number / kShards % sets_per_shard_};
}

std::optional<KeyId> KeyHints::Find(const KeyHash& hash) const {
  const Place place = PlaceOf(hash);
  const Shard& shard = shards_[place.shard];
  absl::ReaderMutexLock lock(&shard.mutex);
  if (shard.sets.empty()) return std::nullopt;
  for (const Hint& hint : shard.sets[place.set].hints) {
    if (hint.id == KeyId() || !Equal(hint.hash, hash)) continue;
    if (!hint.referenced.load(std::memory_order_relaxed)) {
      hint.referenced.store(true, std::memory_order_relaxed);
    }
    return hint.id;
  }
  return std::nullopt;
}

void KeyHints::Put(const KeyHash& hash, const KeyId& id) {
  const Place place = PlaceOf(hash);
  Shard& shard = shards_[place.shard];
  absl::MutexLock lock(&shard.mutex);
  if (shard.sets.empty()) shard.sets = std::vector<Set>(sets_per_shard_);
  Set& set = shard.sets[place.set];
  const auto free_or_same = [&hash](const Hint& hint) {
    return hint.id == KeyId() || Equal(hint.hash, hash);
  };
  auto* hint = std::find_if(set.hints.begin(), set.hints.end(), free_or_same);
  if (hint == set.hints.end()) {
    // Second chance: what was found since the hand came by stays for another round.
    while (set.hints[set.hand].referenced.exchange(false, std::memory_order_relaxed)) {
      set.hand = (set.hand + 1) % kWays;
    }
    hint = &set.hints[set.hand];
    set.hand = (set.hand + 1) % kWays;
  }
  hint->hash = hash;
  hint->id = id;
}

}  // namespace claviger
