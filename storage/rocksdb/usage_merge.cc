#include "storage/rocksdb/usage_merge.h"

#include <string>

#include "storage/rocksdb/codec.h"
#include "storage/rocksdb/database.h"
#include "storage/rocksdb/schema.h"

namespace claviger {
namespace {

class UsageMergeOperator final : public rocksdb::AssociativeMergeOperator {
 public:
  bool Merge(const rocksdb::Slice& /*row*/, const rocksdb::Slice* existing,
             const rocksdb::Slice& value, std::string* sum,
             rocksdb::Logger* /*logger*/) const override {
    if (existing == nullptr) {
      sum->assign(value.data(), value.size());
      return true;
    }
    absl::StatusOr<UsageCounts> counts = DecodeUsage(AsView(*existing));
    const absl::StatusOr<UsageCounts> added = DecodeUsage(AsView(value));
    if (!counts.ok() || !added.ok()) {
      const rocksdb::Slice& damaged = counts.ok() ? value : *existing;
      sum->assign(damaged.data(), damaged.size());
      return true;
    }
    counts->Add(*added);
    *sum = EncodeUsage(*counts);
    return true;
  }
  const char* Name() const override { return "claviger.UsageMergeOperator"; }
};

class UsageRetentionFilter final : public rocksdb::CompactionFilter {
 public:
  explicit UsageRetentionFilter(UsageHour oldest) : oldest_(oldest) {}

  bool Filter(int /*level*/, const rocksdb::Slice& row, const rocksdb::Slice& /*value*/,
              std::string* /*new_value*/, bool* /*value_changed*/) const override {
    return IsTooOld(row);
  }
  bool FilterMergeOperand(int /*level*/, const rocksdb::Slice& row,
                          const rocksdb::Slice& /*operand*/) const override {
    return IsTooOld(row);
  }
  const char* Name() const override { return "claviger.UsageRetentionFilter"; }

 private:
  bool IsTooOld(const rocksdb::Slice& row) const {
    const std::optional<UsageHour> hour = HourOfUsageRow(AsView(row));
    return hour.has_value() && *hour < oldest_;
  }

  const UsageHour oldest_;
};

}  // namespace

std::shared_ptr<rocksdb::MergeOperator> MakeUsageMergeOperator() {
  return std::make_shared<UsageMergeOperator>();
}

std::unique_ptr<rocksdb::CompactionFilter> UsageRetentionFilterFactory::CreateCompactionFilter(
    const rocksdb::CompactionFilter::Context& /*context*/) {
  return std::make_unique<UsageRetentionFilter>(OldestHour(clock_.Now(), retention_));
}

}  // namespace claviger
