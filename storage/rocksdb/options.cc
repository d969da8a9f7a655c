#include "storage/rocksdb/options.h"

#include "core/status.h"
#include "fmt/format.h"

namespace claviger {
namespace {

absl::Status Invalid(std::string field, std::string accepted) {
  return ErrorBuilder(absl::StatusCode::kInvalidArgument, Reason::kConfigInvalid)
      .Field(field, accepted)
      .Build(fmt::format("{}: {}", field, accepted));
}

}  // namespace

absl::Status RocksDbStoreOptions::Validate() const {
  if (data_dir.empty()) return Invalid("data_dir", "must not be empty");
  if (clock == nullptr) return Invalid("clock", "must be given");
  if (random == nullptr) return Invalid("random", "must be given");
  if (memory_bytes < kMinMemoryBytes) {
    return Invalid("memory_bytes", fmt::format("is {}, must be at least {} (32 MiB)", memory_bytes,
                                               kMinMemoryBytes));
  }
  if (event_retention < 1) return Invalid("event_retention", "must be at least 1");
  if (reduction_reserve_bytes > growth_reserve_bytes) {
    return Invalid("reduction_reserve_bytes", "must not be above growth_reserve_bytes");
  }
  if (watermark_interval <= absl::ZeroDuration()) {
    return Invalid("watermark_interval", "must be above 0");
  }
  if (usage_retention < kMinUsageRetention || usage_retention > kMaxUsageRetention) {
    return Invalid("usage_retention",
                   fmt::format("must be {} to {}", absl::FormatDuration(kMinUsageRetention),
                               absl::FormatDuration(kMaxUsageRetention)));
  }
  if (commit.max_queued < 1) return Invalid("commit.max_queued", "must be at least 1");
  if (commit.max_batch < 1) return Invalid("commit.max_batch", "must be at least 1");
  return absl::OkStatus();
}

}  // namespace claviger
