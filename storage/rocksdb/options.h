// What a RocksDB store can be told.
#ifndef CLAVIGER_STORAGE_ROCKSDB_OPTIONS_H_
#define CLAVIGER_STORAGE_ROCKSDB_OPTIONS_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "core/clock.h"
#include "core/random.h"
#include "storage/group_committer.h"
#include "storage/usage.h"

namespace rocksdb {
class FileSystem;
}

namespace claviger {

struct RocksDbStoreOptions {
  static constexpr size_t kMinMemoryBytes = size_t{32} << 20;

  // Made, with mode 0700, where it does not exist. Holds `db/`, `watermark`, and whatever else the
  // server puts there.
  std::string data_dir;
  // Not null; outlives the store.
  const Clock* clock = nullptr;
  // Not null; used by Open only. Names a new epoch.
  RandomSource* random = nullptr;
  // For block cache, memtables, indexes and filters together. At least `kMinMemoryBytes`.
  size_t memory_bytes = size_t{256} << 20;
  // Events kept for subscribers that resume. At least 1.
  size_t event_retention = 100'000;
  // Opens a store that is behind its watermark, or has lost it, under a new epoch, so that no
  // subscriber resumes from it. What was lost stays lost: revoked keys may work again. Without such
  // a mismatch it does nothing.
  bool accept_older_state = false;
  // Changes that make the store larger are refused below this much free disk space …
  uint64_t growth_reserve_bytes = uint64_t{256} << 20;
  // … and all others below this, the ballast included. At most `growth_reserve_bytes`. What is in
  // memory and not yet in tables stays within three quarters of it, but for 4 MiB: that is what
  // RocksDB may have to write when no change comes any more.
  uint64_t reduction_reserve_bytes = uint64_t{64} << 20;
  // Size of a file in `data_dir` that is given up bit by bit when the disk is full; 0: none.
  uint64_t ballast_bytes = 0;
  // Free disk space in bytes; empty: what statvfs says of `data_dir`.
  std::function<absl::StatusOr<uint64_t>()> free_bytes;
  // Time between two writes of the watermark. Above 0.
  absl::Duration watermark_interval = absl::Milliseconds(200);
  // How long counts of checks are kept: kMinUsageRetention to kMaxUsageRetention.
  absl::Duration usage_retention = kDefaultUsageRetention;
  GroupCommitOptions commit;
  // What database and watermark are read and written through; null: the disk.
  std::shared_ptr<rocksdb::FileSystem> file_system;

  // INVALID_ARGUMENT `CONFIG_INVALID` naming the first option out of bounds.
  absl::Status Validate() const;
};

}  // namespace claviger

#endif  // CLAVIGER_STORAGE_ROCKSDB_OPTIONS_H_
