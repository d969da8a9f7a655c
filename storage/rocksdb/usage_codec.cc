// The values of the families `usage` and `last_used`.
#include <utility>

#include "claviger/storage/v1/record.pb.h"
#include "fmt/format.h"
#include "storage/rocksdb/codec.h"
#include "storage/rocksdb/codec_wire.h"

namespace claviger {
namespace {

namespace pb = storage::v1;

struct CountField {
  VerifyCode code;
  uint64_t (pb::StoredUsage::*get)() const;
  void (pb::StoredUsage::*set)(uint64_t);
};

constexpr CountField kCountFields[] = {
    {VerifyCode::kValid, &pb::StoredUsage::valid, &pb::StoredUsage::set_valid},
    {VerifyCode::kNotFound, &pb::StoredUsage::not_found, &pb::StoredUsage::set_not_found},
    {VerifyCode::kDisabled, &pb::StoredUsage::disabled, &pb::StoredUsage::set_disabled},
    {VerifyCode::kExpired, &pb::StoredUsage::expired, &pb::StoredUsage::set_expired},
    {VerifyCode::kRevoked, &pb::StoredUsage::revoked, &pb::StoredUsage::set_revoked},
    {VerifyCode::kInsufficientScope, &pb::StoredUsage::insufficient_scope,
     &pb::StoredUsage::set_insufficient_scope},
    {VerifyCode::kAddressNotAllowed, &pb::StoredUsage::address_not_allowed,
     &pb::StoredUsage::set_address_not_allowed},
    {VerifyCode::kRateLimited, &pb::StoredUsage::rate_limited, &pb::StoredUsage::set_rate_limited},
    {VerifyCode::kQuotaExceeded, &pb::StoredUsage::quota_exceeded,
     &pb::StoredUsage::set_quota_exceeded},
};
static_assert(std::size(kCountFields) == UsageCounts::kCodes);

}  // namespace

std::string EncodeUsage(const UsageCounts& counts) {
  pb::StoredUsage stored;
  for (const CountField& field : kCountFields) (stored.*field.set)(counts.Of(field.code));
  return wire::Wrap(stored);
}

absl::StatusOr<UsageCounts> DecodeUsage(std::string_view value) {
  pb::StoredUsage stored;
  if (auto status = wire::Unwrap("usage", value, stored); !status.ok()) return status;
  UsageCounts counts;
  for (const CountField& field : kCountFields) counts.Add(field.code, (stored.*field.get)());
  return counts;
}

std::string EncodeLastUse(const LastUse& use) {
  pb::StoredLastUse stored;
  stored.set_time_ns(wire::FromTime(use.time));
  stored.set_address(use.address);
  stored.set_by(use.by);
  return wire::Wrap(stored);
}

absl::StatusOr<LastUse> DecodeLastUse(const KeyId& id, std::string_view value) {
  const std::string row = fmt::format("last_used/{}", id.text());
  pb::StoredLastUse stored;
  if (auto status = wire::Unwrap(row, value, stored); !status.ok()) return status;
  return LastUse{.time = wire::ToTime(stored.time_ns()),
                 .address = std::move(*stored.mutable_address()),
                 .by = std::move(*stored.mutable_by())};
}

}  // namespace claviger
