// Lets RocksDB drop remembered requests that have expired.
#ifndef CLAVIGER_STORAGE_ROCKSDB_REQUEST_EXPIRY_FILTER_H_
#define CLAVIGER_STORAGE_ROCKSDB_REQUEST_EXPIRY_FILTER_H_

#include <memory>

#include "core/clock.h"
#include "rocksdb/compaction_filter.h"

namespace claviger {

// Makes filters for the family `requests`. Only frees space: reads test the expiry themselves. A
// row that cannot be decoded is kept, for a read to report.
//
// Thread safety: all methods may be called from any thread at once.
class RequestExpiryFilterFactory final : public rocksdb::CompactionFilterFactory {
 public:
  // `clock` outlives the database.
  explicit RequestExpiryFilterFactory(const Clock& clock) : clock_(clock) {}

  std::unique_ptr<rocksdb::CompactionFilter> CreateCompactionFilter(
      const rocksdb::CompactionFilter::Context& context) override;
  const char* Name() const override { return "claviger.RequestExpiryFilterFactory"; }

 private:
  const Clock& clock_;
};

}  // namespace claviger

#endif  // CLAVIGER_STORAGE_ROCKSDB_REQUEST_EXPIRY_FILTER_H_
