// Keeps RocksDB from ever seeing a full disk, which it does not survive.
#ifndef CLAVIGER_STORAGE_ROCKSDB_DISK_GUARD_H_
#define CLAVIGER_STORAGE_ROCKSDB_DISK_GUARD_H_

#include <cstdint>
#include <functional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/changes.h"

namespace claviger {

// Lets changes in as long as enough disk is free for them and for the compactions they cause.
// Taking access away is let in longer than growth.
//
// Thread safety: all methods may be called from any thread at once.
class DiskGuard {
 public:
  using FreeBytesFunction = std::function<absl::StatusOr<uint64_t>()>;

  DiskGuard(FreeBytesFunction free_bytes, uint64_t growth_reserve_bytes,
            uint64_t reduction_reserve_bytes)
      : free_bytes_(std::move(free_bytes)),
        growth_reserve_bytes_(growth_reserve_bytes),
        reduction_reserve_bytes_(reduction_reserve_bytes) {}

  // RESOURCE_EXHAUSTED `STORE_FULL` when less than the reserve is free; the error of the
  // measurement when there is one.
  absl::Status Admit(Admission admission) const;

 private:
  const FreeBytesFunction free_bytes_;
  const uint64_t growth_reserve_bytes_;
  const uint64_t reduction_reserve_bytes_;
};

}  // namespace claviger

#endif  // CLAVIGER_STORAGE_ROCKSDB_DISK_GUARD_H_
