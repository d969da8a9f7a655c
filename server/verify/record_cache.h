// The authority's own cache of key records: what makes a check cost no store read.
#ifndef CLAVIGER_SERVER_VERIFY_RECORD_CACHE_H_
#define CLAVIGER_SERVER_VERIFY_RECORD_CACHE_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "core/digest.h"
#include "core/key_record.h"
#include "core/revision.h"
#include "server/verify/deleted_projects.h"
#include "storage/key_store.h"

namespace claviger {

// A record with the hash that was last found to match its digest, so that the next check compares
// 32 bytes instead of computing an HMAC. The hash never leaves memory.
//
// Thread safety: all methods may be called from any thread at once.
class CachedKey {
 public:
  explicit CachedKey(std::shared_ptr<const KeyRecord> record) : record_(std::move(record)) {}
  ~CachedKey() { Cleanse(matched_); }

  const KeyRecord& record() const { return *record_; }
  const std::shared_ptr<const KeyRecord>& shared_record() const { return record_; }

  // Whether `hash` is the remembered one; false when none is. Constant time.
  bool RemembersMatch(const KeyHash& hash) const;
  // REQUIRES: `hash` matches the record's digest.
  void RememberMatch(const KeyHash& hash) const;

  // Whether the record's digest is being made anew under another pepper.
  bool redigest_taken() const { return redigest_taken_.load(std::memory_order_relaxed); }
  // Returns true to one caller, until it gives it back.
  bool TakeRedigest() const { return !redigest_taken_.exchange(true, std::memory_order_relaxed); }
  void GiveRedigestBack() const { redigest_taken_.store(false, std::memory_order_relaxed); }

 private:
  enum class Memory : uint8_t { kNone, kWriting, kSet };

  const std::shared_ptr<const KeyRecord> record_;
  mutable std::atomic<Memory> memory_{Memory::kNone};
  mutable std::atomic<bool> redigest_taken_{false};
  mutable KeyHash matched_;  // readable once memory_ is kSet
};

// Records by key id, bounded in number, evicted by second chance, kept true by the store's commits.
//
// Thread safety: all methods may be called from any thread at once; lookups of different shards
// share no lock. Consistency: once `applied_revision()` returned R, every later `Find` reflects all
// changes up to R.
class RecordCache final : public CommitListener {
 public:
  // `store` outlives the cache, and the cache is added to it as a listener before its first commit.
  // At most `capacity` records are held (at least one per shard).
  RecordCache(const KeyStore& store, size_t capacity);

  // Learns which projects are deleted. Blocks on I/O; before the store's first commit.
  absl::Status LoadDeletedProjects() { return deleted_projects_.Load(store_); }

  struct Lookup {
    std::shared_ptr<const CachedKey> key;  // null: there is no such key
    bool hit = false;
  };
  // What a lookup that reads the store does with what it read.
  enum class OnMiss : uint8_t { kKeep, kForget };
  // From memory, else by one point read. A key that ended with its project is revoked, whatever its
  // own record says. Errors are the store's.
  absl::StatusOr<Lookup> Find(const KeyId& id, OnMiss on_miss = OnMiss::kKeep);
  // Takes as long as Find does for an id that no key has, on top of what Find took for `id`. Errors
  // are the store's.
  absl::Status BurnLookup(const KeyId& id) const;

  // Straight from the store: finding an imported key by its digest, which is rare (Verifier keeps
  // hints), and whether there is any.
  absl::StatusOr<std::optional<KeyId>> FindImported(const KeyDigest& digest) const {
    return store_.FindImported(digest);
  }
  bool has_imported_keys() const { return store_.has_imported_keys(); }

  Revision applied_revision() const { return {applied_.load(std::memory_order_acquire)}; }
  size_t size() const;
  size_t capacity() const { return shard_capacity_ * kShards; }

  void OnCommitted(std::span<const Committed> batch) override;

 private:
  static constexpr size_t kShards = 64;

  struct Slot {
    KeyId id;
    std::shared_ptr<const CachedKey> key;  // null: known to be absent
    std::atomic<bool> referenced{false};
  };

  struct alignas(64) Shard {
    mutable absl::Mutex mutex;
    absl::flat_hash_map<KeyId, size_t> index ABSL_GUARDED_BY(mutex);
    std::vector<std::unique_ptr<Slot>> slots ABSL_GUARDED_BY(mutex);
    size_t hand ABSL_GUARDED_BY(mutex) = 0;
    // Counts the changes of this shard's keys: a record that was read before a change must not be
    // inserted after it.
    uint64_t changes ABSL_GUARDED_BY(mutex) = 0;
  };

  absl::StatusOr<Lookup> FindRecord(const KeyId& id, OnMiss on_miss);
  Shard& ShardOf(const KeyId& id);
  void Put(Shard& shard, const KeyId& id, std::shared_ptr<const CachedKey> key)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mutex);

  const KeyStore& store_;
  const size_t shard_capacity_;
  DeletedProjects deleted_projects_;
  std::array<Shard, kShards> shards_;
  std::atomic<uint64_t> applied_;
};

}  // namespace claviger

#endif  // CLAVIGER_SERVER_VERIFY_RECORD_CACHE_H_
