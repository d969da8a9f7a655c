#include "core/key_hints.h"

#include <algorithm>
#include <cstring>

namespace claviger {
namespace {

// A hash is random enough to be its own place. Whoever makes texts for one set pushes out hints,
// and only those that lead to keys come in here.
uint64_t PlaceOf(const KeyHash& hash) {
  uint64_t number = 0;
  std::memcpy(&number, hash.bytes.data(), sizeof number);
  return number;
}

}  // namespace

KeyHints::KeyHints(size_t capacity)
    : sets_per_shard_((std::max<size_t>(capacity, 256) + kShards * kWays - 1) / (kShards * kWays)) {
}

KeyHints::~KeyHints() {
  for (const std::atomic<Set*>& shard : shards_) delete[] shard.load(std::memory_order_acquire);
}

KeyHints::Set* KeyHints::FindSet(const KeyHash& hash) const {
  const uint64_t place = PlaceOf(hash);
  Set* const sets = shards_[place % kShards].load(std::memory_order_acquire);
  return sets == nullptr ? nullptr : &sets[place / kShards % sets_per_shard_];
}

KeyHints::Set& KeyHints::MakeSet(const KeyHash& hash) {
  std::atomic<Set*>& shard = shards_[PlaceOf(hash) % kShards];
  if (shard.load(std::memory_order_acquire) == nullptr) {
    Set* none = nullptr;
    auto* const made = new Set[sets_per_shard_];
    if (!shard.compare_exchange_strong(none, made, std::memory_order_acq_rel)) delete[] made;
  }
  return *FindSet(hash);
}

bool KeyHints::HasHash(const Hint& hint, const Words& words) {
  bool same = true;
  for (size_t i = 0; i < kHashWords; ++i) {
    same &= hint.words[i].load(std::memory_order_relaxed) == words[i];
  }
  return same;
}

bool KeyHints::IsFree(const Hint& hint) {
  return hint.words[kHashWords].load(std::memory_order_relaxed) == 0;
}

std::optional<KeyId> KeyHints::Find(const KeyHash& hash) const {
  const Set* const set = FindSet(hash);
  if (set == nullptr) return std::nullopt;
  Words words{};
  std::memcpy(words.data(), hash.bytes.data(), hash.bytes.size());
  for (const Hint& hint : *set) {
    if (!HasHash(hint, words)) continue;
    if (!hint.referenced.load(std::memory_order_relaxed)) {
      hint.referenced.store(true, std::memory_order_relaxed);
    }
    std::array<uint64_t, kIdWords> id;
    for (size_t i = 0; i < kIdWords; ++i) {
      id[i] = hint.words[kHashWords + i].load(std::memory_order_relaxed);
    }
    return KeyId::Parse({reinterpret_cast<const char*>(id.data()), sizeof id});
  }
  return std::nullopt;
}

void KeyHints::Put(const KeyHash& hash, const KeyId& id) {
  Set& set = MakeSet(hash);
  Words words{};
  std::memcpy(words.data(), hash.bytes.data(), hash.bytes.size());
  std::memcpy(&words[kHashWords], id.text().data(), id.text().size());
  auto* hint = std::find_if(set.begin(), set.end(), [&words](const Hint& candidate) {
    return IsFree(candidate) || HasHash(candidate, words);
  });
  if (hint == set.end()) {
    // Another thread may find what this one has passed: no more than one round.
    uint8_t hand = set.front().hand.load(std::memory_order_relaxed);
    for (size_t i = 0; i < kWays; ++i, ++hand) {
      if (!set[hand % kWays].referenced.exchange(false, std::memory_order_relaxed)) break;
    }
    hint = &set[hand % kWays];
    set.front().hand.store(static_cast<uint8_t>(hand + 1), std::memory_order_relaxed);
  }
  for (size_t i = 0; i < words.size(); ++i) {
    hint->words[i].store(words[i], std::memory_order_relaxed);
  }
}

}  // namespace claviger
