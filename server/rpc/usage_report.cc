#include "server/rpc/usage_report.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "core/status.h"
#include "fmt/format.h"

namespace claviger {
namespace {

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

uint64_t ChecksOf(const UsageReports::Reports& reports) {
  uint64_t checks = 0;
  for (const v1::KeyUsage& report : reports) {
    const UsageCounts counts = CountsOf(report);
    checks += counts.valid() + counts.denied();
  }
  return checks;
}

}  // namespace

// There is a task for each beat, and each is about a key at least: the keys are the bound.
UsageReports::UsageReports(Verifier& verifier, UsageRecorder& usage, const Clock& clock)
    : verifier_(verifier),
      usage_(usage),
      clock_(clock),
      worker_(/*threads=*/1, /*max_waiting=*/kMaxWaitingKeys) {}

absl::Status UsageReports::Take(const Caller& caller, Reports reports) {
  if (reports.size() > kMaxKeysOfReport) {
    return InvalidField("beat.usage",
                        fmt::format("must be about at most {} keys", kMaxKeysOfReport));
  }
  if (reports.empty()) return absl::OkStatus();
  const auto keys = static_cast<size_t>(reports.size());
  if (waiting_keys_.fetch_add(keys, std::memory_order_relaxed) + keys > kMaxWaitingKeys) {
    waiting_keys_.fetch_sub(keys, std::memory_order_relaxed);
    usage_.Drop(ChecksOf(reports));
    return absl::OkStatus();
  }
  // Shared, so that what is refused is still there to be counted.
  auto held = std::make_shared<const Reports>(std::move(reports));
  const absl::Status queued = worker_.Run([this, caller, held, keys, now = clock_.Now()] {
    HandOver(caller, *held, now);
    waiting_keys_.fetch_sub(keys, std::memory_order_relaxed);
  });
  if (!queued.ok()) {
    waiting_keys_.fetch_sub(keys, std::memory_order_relaxed);
    usage_.Drop(ChecksOf(*held));
  }
  return absl::OkStatus();
}

void UsageReports::HandOver(const Caller& caller, const Reports& reports, absl::Time now) {
  for (const v1::KeyUsage& report : reports) {
    const std::optional<KeyId> id = KeyId::Parse(report.key_id());
    if (!id.has_value()) continue;
    // A key that only verifiers' caches see takes no place in ours.
    const absl::StatusOr<std::shared_ptr<const CachedKey>> key =
        verifier_.Find(*id, RecordCache::OnMiss::kForget);
    // A store that cannot tell is no reason to end the stream.
    if (!key.ok() || *key == nullptr) continue;
    const std::shared_ptr<const KeyRecord>& record = (*key)->shared_record();
    if (!caller.IsBoundTo(record->project_id)) continue;
    usage_.Add(record, CountsOf(report), LastUseOf(report, *record, caller, now), now);
  }
}

}  // namespace claviger
