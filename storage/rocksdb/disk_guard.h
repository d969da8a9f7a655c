// Keeps RocksDB from ever seeing a full disk, which it does not survive.
#ifndef CLAVIGER_STORAGE_ROCKSDB_DISK_GUARD_H_
#define CLAVIGER_STORAGE_ROCKSDB_DISK_GUARD_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "storage/changes.h"
#include "storage/key_store.h"
#include "storage/rocksdb/ballast.h"

namespace claviger {

// Free space at which something stops.
struct DiskMarks {
  // Changes that make the store larger, below so much free space; the ballast does not count.
  uint64_t growth = 0;
  // All others, below so much, the ballast included. What is in memory has room there when it is
  // written out.
  uint64_t reduction = 0;
};

// Who wants to write a file of the store.
enum class DiskUse : uint8_t {
  // What changes need to be durable and to go on: the log, tables of what is in memory, the
  // manifest, the watermark. Gets the ballast.
  kEssential,
  // Compactions: they can wait, and stop at half the growth mark.
  kCompaction,
};

// Two lines of defence. Admit lets changes in as long as there is room for them and for what is
// written because of them; taking access away is let in longer than growth. MakeRoom stands before
// each write of a file: it takes what is missing from the ballast, and where there is none it
// waits, so that nobody else's file can make a write fail half-way.
//
// Thread safety: all methods may be called from any thread at once.
class DiskGuard {
 public:
  using FreeBytesFunction = std::function<absl::StatusOr<uint64_t>()>;

  // `ballast` outlives this; null: there is none.
  DiskGuard(FreeBytesFunction free_bytes, const DiskMarks& marks, Ballast* ballast)
      : free_bytes_(std::move(free_bytes)), marks_(marks), ballast_(ballast) {}

  // RESOURCE_EXHAUSTED `STORE_FULL` when there is less than the mark, or when a write waits that
  // changes depend on; the error of the measurement when there is one.
  absl::Status Admit(Admission admission) const ABSL_LOCKS_EXCLUDED(mutex_);

  // Whether a write of `bytes` fits; what is missing is taken from the ballast.
  bool TryMakeRoom(uint64_t bytes, DiskUse use);
  // Returns true when a write of `bytes` fits. Blocks while it does not; false once StopWaiting was
  // called and it still does not fit.
  bool MakeRoom(uint64_t bytes, DiskUse use) ABSL_LOCKS_EXCLUDED(mutex_);
  // The same after a write found no room, whatever the measurement says: for a mebibyte of ballast,
  // or else for some time.
  bool MakeMoreRoom(DiskUse use) ABSL_LOCKS_EXCLUDED(mutex_);
  // Calls `write` until it gives something other than RESOURCE_EXHAUSTED, making room in between.
  absl::Status WriteSmallFile(const std::function<absl::Status()>& write);
  // Whether `bytes` fit without the ballast. For what can be left out.
  bool Fits(uint64_t bytes) const;

  // From now on nothing waits for that use.
  void StopWaiting(DiskUse use) ABSL_LOCKS_EXCLUDED(mutex_);

  // Makes the ballast whole where that leaves what growth needs, and a little more. OK when it is
  // whole or there is no room for it. Blocks on I/O.
  absl::Status RestoreBallast();

  // Where things stand. `health.writable` is left as it is.
  void Describe(StoreHealth& health) const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  static constexpr size_t kUses = 2;

  absl::Status Refusal(Admission admission, uint64_t free, uint64_t ballast) const;
  uint64_t BallastBytes() const { return ballast_ == nullptr ? 0 : ballast_->bytes(); }
  uint64_t Needed(uint64_t bytes, DiskUse use) const;
  bool Waits(DiskUse use) const ABSL_LOCKS_EXCLUDED(mutex_);
  void CountWaiting(DiskUse use, int change) ABSL_LOCKS_EXCLUDED(mutex_);
  // Until something may have changed. False: nothing waits for `use` any more.
  bool Pause(DiskUse use) ABSL_LOCKS_EXCLUDED(mutex_);

  const FreeBytesFunction free_bytes_;
  const DiskMarks marks_;
  Ballast* const ballast_;

  mutable absl::Mutex mutex_;
  std::array<int, kUses> waiting_ ABSL_GUARDED_BY(mutex_) = {};   // by DiskUse
  std::array<bool, kUses> stopped_ ABSL_GUARDED_BY(mutex_) = {};  // by DiskUse
};

}  // namespace claviger

#endif  // CLAVIGER_STORAGE_ROCKSDB_DISK_GUARD_H_
