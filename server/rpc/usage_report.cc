#include "server/rpc/usage_report.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "core/status.h"
#include "fmt/format.h"

namespace claviger {
namespace {

constexpr int kMaxKeys = 500;
// More checks of one key between two beats than any machine makes.
constexpr uint64_t kMostChecks = 10'000'000'000;
// A report is some seconds old; after a long time without a connection, more.
constexpr int64_t kLongestAgoSeconds = 24 * 3600;

UsageCounts CountsOf(const v1::KeyUsage& report) {
  UsageCounts counts;
  const auto add = [&counts](VerifyCode code, uint64_t count) {
    counts.Add(code, std::min(count, kMostChecks));
  };
  add(VerifyCode::kValid, report.valid_count());
  add(VerifyCode::kInsufficientScope, report.insufficient_scope_count());
  add(VerifyCode::kAddressNotAllowed, report.address_not_allowed_count());
  // Of a key that a cache holds nothing else is left but that it is another project's.
  add(VerifyCode::kNotFound, report.other_denied_count());
  return counts;
}

std::optional<LastUse> LastUseOf(const v1::KeyUsage& report, const KeyRecord& key,
                                 const Caller& caller, absl::Time now) {
  if (report.valid_count() == 0 || !report.has_last_used_ago()) return std::nullopt;
  const int64_t seconds =
      std::clamp<int64_t>(report.last_used_ago().seconds(), 0, kLongestAgoSeconds);
  const int64_t nanos = std::clamp<int64_t>(report.last_used_ago().nanos(), 0, 999'999'999);
  const std::optional<IpAddress> address = IpAddress::Parse(report.last_used_address());
  return LastUse{
      .time = std::min(
          now, std::max(now - absl::Seconds(seconds) - absl::Nanoseconds(nanos), key.create_time)),
      .address = address.has_value() ? address->ToString() : std::string(),
      .by = caller.actor()};
}

}  // namespace

absl::Status TakeUsageReport(const Caller& caller, const v1::SyncBeat& beat, Verifier& verifier,
                             UsageRecorder& usage, absl::Time now) {
  if (beat.usage_size() > kMaxKeys) {
    return InvalidField("beat.usage", fmt::format("must be about at most {} keys", kMaxKeys));
  }
  for (const v1::KeyUsage& report : beat.usage()) {
    const std::optional<KeyId> id = KeyId::Parse(report.key_id());
    if (!id.has_value()) continue;
    // A key that only verifiers' caches see takes no place in ours.
    const absl::StatusOr<std::shared_ptr<const CachedKey>> key =
        verifier.Find(*id, RecordCache::OnMiss::kForget);
    // A store that cannot tell is no reason to end the stream.
    if (!key.ok() || *key == nullptr) continue;
    const std::shared_ptr<const KeyRecord>& record = (*key)->shared_record();
    if (!caller.IsBoundTo(record->project_id)) continue;
    usage.Add(record, CountsOf(report), LastUseOf(report, *record, caller, now), now);
  }
  return absl::OkStatus();
}

}  // namespace claviger
