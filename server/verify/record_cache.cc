#include "server/verify/record_cache.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/hash/hash.h"
#include "core/lifecycle.h"

namespace claviger {

bool CachedKey::RemembersMatch(const KeyHash& hash) const {
  return memory_.load(std::memory_order_acquire) == Memory::kSet && Equal(matched_, hash);
}

void CachedKey::RememberMatch(const KeyHash& hash) const {
  Memory expected = Memory::kNone;
  if (!memory_.compare_exchange_strong(expected, Memory::kWriting, std::memory_order_relaxed)) {
    return;
  }
  matched_ = hash;
  memory_.store(Memory::kSet, std::memory_order_release);
}

RecordCache::RecordCache(const KeyStore& store, size_t capacity)
    : store_(store),
      shard_capacity_(std::max<size_t>(1, capacity / kShards)),
      applied_(store.applied_revision().value) {}

RecordCache::Shard& RecordCache::ShardOf(const KeyId& id) {
  return shards_[absl::Hash<KeyId>{}(id) % kShards];
}

absl::StatusOr<RecordCache::Lookup> RecordCache::Find(const KeyId& id, OnMiss on_miss) {
  absl::StatusOr<Lookup> found = FindRecord(id, on_miss);
  if (!found.ok() || found->key == nullptr) return found;
  // Asked after the record was read: what was deleted before the call began is known by now.
  const std::optional<absl::Time> end = deleted_projects_.EndOf(found->key->record());
  if (!end.has_value() || found->key->record().revocation.has_value()) return found;
  KeyRecord revoked = found->key->record();
  RevokeWithProject(revoked, *end);
  found->key = std::make_shared<const CachedKey>(std::make_shared<const KeyRecord>(revoked));
  return found;
}

absl::StatusOr<RecordCache::Lookup> RecordCache::FindRecord(const KeyId& id, OnMiss on_miss) {
  Shard& shard = ShardOf(id);
  uint64_t changes_before = 0;
  {
    absl::ReaderMutexLock lock(&shard.mutex);
    if (const auto it = shard.index.find(id); it != shard.index.end()) {
      Slot& slot = *shard.slots[it->second];
      if (!slot.referenced.load(std::memory_order_relaxed)) {
        slot.referenced.store(true, std::memory_order_relaxed);
      }
      return Lookup{slot.key, true};
    }
    changes_before = shard.changes;
  }
  absl::StatusOr<std::shared_ptr<const KeyRecord>> record = store_.FindKey(id);
  if (!record.ok()) return record.status();
  if (*record == nullptr) return Lookup{};
  auto key = std::make_shared<const CachedKey>(*std::move(record));
  if (on_miss == OnMiss::kForget) return Lookup{std::move(key), false};
  absl::MutexLock lock(&shard.mutex);
  if (shard.changes == changes_before) Put(shard, id, key);
  return Lookup{std::move(key), false};
}

absl::Status RecordCache::BurnLookup(const KeyId& id) const {
  // Backwards it is as good as random, and always the same for the same id, as an unknown one is.
  const std::string backwards(id.text().rbegin(), id.text().rend());
  return store_.FindKey(*KeyId::Parse(backwards)).status();
}

void RecordCache::Put(Shard& shard, const KeyId& id, std::shared_ptr<const CachedKey> key) {
  if (const auto it = shard.index.find(id); it != shard.index.end()) {
    shard.slots[it->second]->key = std::move(key);
    return;
  }
  if (shard.slots.size() < shard_capacity_) {
    auto slot = std::make_unique<Slot>();
    slot->id = id;
    slot->key = std::move(key);
    shard.index.emplace(id, shard.slots.size());
    shard.slots.push_back(std::move(slot));
    return;
  }
  while (shard.slots[shard.hand]->referenced.exchange(false, std::memory_order_relaxed)) {
    shard.hand = (shard.hand + 1) % shard.slots.size();
  }
  Slot& victim = *shard.slots[shard.hand];
  shard.index.erase(victim.id);
  shard.index.emplace(id, shard.hand);
  victim.id = id;
  victim.key = std::move(key);
  shard.hand = (shard.hand + 1) % shard.slots.size();
}

void RecordCache::OnCommitted(std::span<const Committed> batch) {
  for (const Committed& committed : batch) {
    deleted_projects_.Apply(committed);
    for (const std::shared_ptr<const KeyRecord>& record : committed.keys) {
      Shard& shard = ShardOf(record->id);
      auto key = std::make_shared<const CachedKey>(record);
      absl::MutexLock lock(&shard.mutex);
      ++shard.changes;
      Put(shard, record->id, std::move(key));
    }
    for (const std::shared_ptr<const KeyRecord>& record : committed.deleted_keys) {
      Shard& shard = ShardOf(record->id);
      absl::MutexLock lock(&shard.mutex);
      ++shard.changes;
      const auto it = shard.index.find(record->id);
      if (it != shard.index.end()) shard.slots[it->second]->key = nullptr;
    }
    applied_.store(committed.revision.value, std::memory_order_release);
  }
}

size_t RecordCache::size() const {
  size_t total = 0;
  for (const Shard& shard : shards_) {
    absl::ReaderMutexLock lock(&shard.mutex);
    total += shard.slots.size();
  }
  return total;
}

}  // namespace claviger
