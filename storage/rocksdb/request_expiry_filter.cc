#include "storage/rocksdb/request_expiry_filter.h"

#include <string>

#include "absl/time/time.h"
#include "storage/rocksdb/codec.h"

namespace claviger {
namespace {

class RequestExpiryFilter final : public rocksdb::CompactionFilter {
 public:
  explicit RequestExpiryFilter(absl::Time now) : now_(now) {}

  bool Filter(int /*level*/, const rocksdb::Slice& row, const rocksdb::Slice& value,
              std::string* /*new_value*/, bool* /*value_changed*/) const override {
    const auto request =
        DecodeRequest(std::string(row.data(), row.size()), {value.data(), value.size()});
    return request.ok() && request->expire_time <= now_;
  }
  const char* Name() const override { return "claviger.RequestExpiryFilter"; }

 private:
  const absl::Time now_;
};

}  // namespace

std::unique_ptr<rocksdb::CompactionFilter> RequestExpiryFilterFactory::CreateCompactionFilter(
    const rocksdb::CompactionFilter::Context& /*context*/) {
  return std::make_unique<RequestExpiryFilter>(clock_.Now());
}

}  // namespace claviger
