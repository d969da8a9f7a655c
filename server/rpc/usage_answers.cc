#include "server/rpc/usage_answers.h"

#include <optional>
#include <vector>

#include "server/rpc/answers.h"

namespace claviger {
namespace {

void FillLastUse(const std::optional<LastUse>& use, const KeyRecord& key, v1::Key& out) {
  if (!use.has_value()) return;
  FillTime(use->time, *out.mutable_last_used_time());
  out.set_last_used_address(use->address);
  out.set_last_used_by(use->by);
  out.set_used_since_rotation(key.rotate_time.has_value() && use->time > *key.rotate_time);
}

std::vector<KeyId> IdsOf(std::span<const KeyRecord> keys) {
  std::vector<KeyId> ids;
  ids.reserve(keys.size());
  for (const KeyRecord& key : keys) ids.push_back(key.id);
  return ids;
}

void FillCounts(const UsageCounts& counts,
                google::protobuf::RepeatedPtrField<v1::UsageCount>& out) {
  for (size_t code = 1; code <= UsageCounts::kCodes; ++code) {
    const uint64_t count = counts.Of(static_cast<VerifyCode>(code));
    if (count == 0) continue;
    v1::UsageCount& to = *out.Add();
    to.set_code(ToProto(static_cast<VerifyCode>(code)));
    to.set_count(static_cast<int64_t>(count));
  }
}

}  // namespace

absl::Status FillLastUse(const KeyStore& store, const KeyRecord& key, v1::Key& out) {
  const absl::StatusOr<std::vector<std::optional<LastUse>>> use = store.FindLastUses({&key.id, 1});
  if (!use.ok()) return use.status();
  FillLastUse(use->front(), key, out);
  return absl::OkStatus();
}

absl::Status FillLastUses(const KeyStore& store, std::span<const KeyRecord> keys,
                          google::protobuf::RepeatedPtrField<v1::Key>& out) {
  const absl::StatusOr<std::vector<std::optional<LastUse>>> uses = store.FindLastUses(IdsOf(keys));
  if (!uses.ok()) return uses.status();
  for (size_t i = 0; i < keys.size(); ++i) {
    FillLastUse((*uses)[i], keys[i], out[static_cast<int>(i)]);
  }
  return absl::OkStatus();
}

absl::Status FillRecentCounts(const KeyStore& store, std::span<const KeyRecord> keys,
                              absl::Time now, google::protobuf::RepeatedPtrField<v1::Key>& out) {
  const absl::StatusOr<std::vector<UsageCounts>> counts = ReadRecentCounts(store, IdsOf(keys), now);
  if (!counts.ok()) return counts.status();
  for (size_t i = 0; i < keys.size(); ++i) {
    v1::Key& key = out[static_cast<int>(i)];
    key.set_recent_valid_count(static_cast<int64_t>((*counts)[i].valid()));
    key.set_recent_denied_count(static_cast<int64_t>((*counts)[i].denied()));
  }
  return absl::OkStatus();
}

void FillTimeline(const UsageTimeline& timeline, v1::GetUsageResponse& out) {
  for (const UsageTimeline::Bucket& bucket : timeline.buckets) {
    v1::UsageBucket& to = *out.add_buckets();
    FillTime(bucket.start, *to.mutable_start_time());
    FillCounts(bucket.counts, *to.mutable_counts());
  }
  FillCounts(timeline.totals, *out.mutable_totals());
  const auto denied = static_cast<double>(timeline.totals.denied());
  if (denied > 0) {
    out.set_error_rate(denied / (denied + static_cast<double>(timeline.totals.valid())));
  }
  if (!timeline.last_use.has_value()) return;
  FillTime(timeline.last_use->time, *out.mutable_last_used_time());
  out.set_last_used_address(timeline.last_use->address);
  out.set_last_used_by(timeline.last_use->by);
}

}  // namespace claviger
