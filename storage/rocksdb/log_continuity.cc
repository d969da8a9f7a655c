#include "storage/rocksdb/log_continuity.h"

#include <vector>

#include "rocksdb/write_batch.h"
#include "storage/rocksdb/database.h"
#include "storage/rocksdb/schema.h"

namespace claviger {
namespace {

// Collects the revisions of a batch's audit entries, in its order.
class RevisionsOf final : public rocksdb::WriteBatch::Handler {
 public:
  explicit RevisionsOf(uint32_t audit_family) : audit_family_(audit_family) {}

  const std::vector<Revision>& revisions() const { return revisions_; }

  rocksdb::Status PutCF(uint32_t family, const rocksdb::Slice& row,
                        const rocksdb::Slice& /*value*/) override {
    if (family != audit_family_) return rocksdb::Status::OK();
    if (const auto revision = ParseRevisionRow(AsView(row))) revisions_.push_back(*revision);
    return rocksdb::Status::OK();
  }
  rocksdb::Status DeleteCF(uint32_t /*family*/, const rocksdb::Slice& /*row*/) override {
    return rocksdb::Status::OK();
  }
  rocksdb::Status SingleDeleteCF(uint32_t /*family*/, const rocksdb::Slice& /*row*/) override {
    return rocksdb::Status::OK();
  }
  rocksdb::Status DeleteRangeCF(uint32_t /*family*/, const rocksdb::Slice& /*begin*/,
                                const rocksdb::Slice& /*end*/) override {
    return rocksdb::Status::OK();
  }
  rocksdb::Status MergeCF(uint32_t /*family*/, const rocksdb::Slice& /*row*/,
                          const rocksdb::Slice& /*value*/) override {
    return rocksdb::Status::OK();
  }
  rocksdb::Status MarkNoop(bool /*empty_batch*/) override { return rocksdb::Status::OK(); }

 private:
  const uint32_t audit_family_;
  std::vector<Revision> revisions_;
};

}  // namespace

void LogContinuity::ColumnFamilyLogNumberMap(const std::map<uint32_t, uint64_t>& /*log_numbers*/,
                                             const std::map<std::string, uint32_t>& ids) {
  const auto audit = ids.find(std::string(kFamilyNames[static_cast<size_t>(Family::kAudit)]));
  if (audit != ids.end()) audit_family_ = audit->second;
}

rocksdb::WalFilter::WalProcessingOption LogContinuity::LogRecordFound(
    unsigned long long /*log_number*/, const std::string& log, const rocksdb::WriteBatch& batch,
    rocksdb::WriteBatch* /*new_batch*/, bool* /*batch_changed*/) {
  if (!audit_family_.has_value()) return WalProcessingOption::kContinueProcessing;
  RevisionsOf found(*audit_family_);
  if (!batch.Iterate(&found).ok()) return WalProcessingOption::kCorruptedRecord;
  for (const Revision revision : found.revisions()) {
    if (first_.has_value() && revision != last_.Next()) {
      gap_ = {.before = last_, .after = revision, .log = log};
      return stop_at_gap_ ? WalProcessingOption::kStopReplay
                          : WalProcessingOption::kCorruptedRecord;
    }
    if (!first_.has_value()) first_ = revision;
    last_ = revision;
  }
  return WalProcessingOption::kContinueProcessing;
}

}  // namespace claviger
