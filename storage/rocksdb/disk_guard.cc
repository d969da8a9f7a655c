#include "storage/rocksdb/disk_guard.h"

#include "core/status.h"
#include "fmt/format.h"

namespace claviger {
namespace {

constexpr absl::Duration kRetryAfter = absl::Seconds(30);

}  // namespace

absl::Status DiskGuard::Admit(Admission admission) const {
  const absl::StatusOr<uint64_t> free = free_bytes_();
  if (!free.ok()) return free.status();
  const uint64_t reserve =
      admission == Admission::kGrowth ? growth_reserve_bytes_ : reduction_reserve_bytes_;
  if (*free >= reserve) return absl::OkStatus();
  return ErrorBuilder(absl::StatusCode::kResourceExhausted, Reason::kStoreFull)
      .RetryAfter(kRetryAfter)
      .Build(fmt::format("the disk of the data folder has {} MiB free, {} MiB are kept in reserve",
                         *free >> 20, reserve >> 20));
}

}  // namespace claviger
