// How RocksDB adds up counts of checks, and when it drops them.
#ifndef CLAVIGER_STORAGE_ROCKSDB_USAGE_MERGE_H_
#define CLAVIGER_STORAGE_ROCKSDB_USAGE_MERGE_H_

#include <memory>

#include "absl/time/time.h"
#include "core/clock.h"
#include "rocksdb/compaction_filter.h"
#include "rocksdb/merge_operator.h"

namespace claviger {

// Adds StoredUsage values. One that cannot be decoded swallows what is added to it, for a read to
// report: a merge that failed would be damage, and end all writing where a flush meets it.
std::shared_ptr<rocksdb::MergeOperator> MakeUsageMergeOperator();

// Makes filters for the family `usage` that drop hours older than the retention. Only frees space:
// reads leave them out themselves.
//
// Thread safety: all methods may be called from any thread at once.
class UsageRetentionFilterFactory final : public rocksdb::CompactionFilterFactory {
 public:
  // `clock` outlives the database.
  UsageRetentionFilterFactory(const Clock& clock, absl::Duration retention)
      : clock_(clock), retention_(retention) {}

  std::unique_ptr<rocksdb::CompactionFilter> CreateCompactionFilter(
      const rocksdb::CompactionFilter::Context& context) override;
  const char* Name() const override { return "claviger.UsageRetentionFilterFactory"; }

 private:
  const Clock& clock_;
  const absl::Duration retention_;
};

}  // namespace claviger

#endif  // CLAVIGER_STORAGE_ROCKSDB_USAGE_MERGE_H_
