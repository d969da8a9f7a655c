#include "client/cli/usage_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <string_view>
#include <vector>

#include "client/cli/enum_text.h"
#include "client/cli/key_view.h"
#include "client/cli/time_text.h"

namespace claviger::cli {
namespace {

constexpr size_t kMaxLines = 100;
constexpr size_t kMaxBar = 60;
// A shorter bar says nothing.
constexpr size_t kMinBar = 8;
constexpr std::string_view kColumnGap = "  ";

using Counts = google::protobuf::RepeatedPtrField<v1::UsageCount>;

struct Sums {
  int64_t good = 0;
  int64_t denied = 0;
};

Sums SumsOf(const Counts& counts) {
  Sums sums;
  for (const v1::UsageCount& count : counts) {
    (count.code() == v1::VERIFY_CODE_VALID ? sums.good : sums.denied) += count.count();
  }
  return sums;
}

// `1,234,567`.
std::string Grouped(int64_t number) {
  std::string text = fmt::format("{}", number);
  for (size_t end = text.size(); end > 3; end -= 3) text.insert(end - 3, ",");
  return text;
}

struct ChartLine {
  std::string time;
  Sums sums;
};

std::vector<ChartLine> LinesOf(const v1::GetUsageRequest& request,
                               const v1::GetUsageResponse& usage) {
  const bool by_day = request.interval() == v1::USAGE_INTERVAL_DAY;
  const absl::Duration length = by_day ? absl::Hours(24) : absl::Hours(1);
  std::map<absl::Time, Sums> buckets;
  for (const v1::UsageBucket& bucket : usage.buckets()) {
    buckets[FromProto(bucket.start_time())] = SumsOf(bucket.counts());
  }
  const auto start_of = [length](const google::protobuf::Timestamp& time) {
    return absl::UnixEpoch() + absl::Floor(FromProto(time) - absl::UnixEpoch(), length);
  };
  const absl::Time first = start_of(request.start_time());
  const absl::Time last = start_of(request.end_time());
  if (last - first < length * static_cast<int64_t>(kMaxLines)) {
    for (absl::Time time = first; time <= last; time += length) buckets.try_emplace(time);
  }
  std::vector<ChartLine> lines;
  for (const auto& [time, sums] : buckets) {
    lines.push_back(
        {absl::FormatTime(by_day ? "%Y-%m-%d" : "%Y-%m-%d %H:%M", time, absl::UTCTimeZone()),
         sums});
  }
  return lines;
}

// Of `room` columns for `most` checks; whoever has any has a mark.
std::string BarOf(const Sums& sums, int64_t most, size_t room) {
  const auto length_of = [&](int64_t count) -> size_t {
    if (count == 0) return 0;
    const double share = static_cast<double>(count) / static_cast<double>(most);
    return std::max<size_t>(1,
                            static_cast<size_t>(std::llround(share * static_cast<double>(room))));
  };
  const size_t denied = std::min(room, length_of(sums.denied));
  const size_t good = std::min(room - denied, length_of(sums.good));
  std::string bar;
  for (size_t i = 0; i < good; ++i) bar += "█";
  for (size_t i = 0; i < denied; ++i) bar += "░";
  return bar;
}

}  // namespace

std::string UsageChart(const v1::GetUsageRequest& request, const v1::GetUsageResponse& usage,
                       size_t width) {
  const std::vector<ChartLine> lines = LinesOf(request, usage);
  constexpr std::string_view kTime = "TIME (UTC)";
  constexpr std::string_view kGood = "GOOD";
  constexpr std::string_view kDenied = "DENIED";
  size_t time_width = kTime.size();
  size_t good_width = kGood.size();
  size_t denied_width = kDenied.size();
  int64_t most = 0;
  for (const ChartLine& line : lines) {
    time_width = std::max(time_width, line.time.size());
    good_width = std::max(good_width, Grouped(line.sums.good).size());
    denied_width = std::max(denied_width, Grouped(line.sums.denied).size());
    most = std::max(most, line.sums.good + line.sums.denied);
  }
  const size_t used = time_width + good_width + denied_width + 3 * kColumnGap.size();
  const size_t room = width > used ? std::min(width - used, kMaxBar) : 0;
  std::string text = fmt::format("{:<{}}{}{:>{}}{}{:>{}}\n", kTime, time_width, kColumnGap, kGood,
                                 good_width, kColumnGap, kDenied, denied_width);
  for (const ChartLine& line : lines) {
    text += fmt::format("{:<{}}{}{:>{}}{}{:>{}}", line.time, time_width, kColumnGap,
                        Grouped(line.sums.good), good_width, kColumnGap, Grouped(line.sums.denied),
                        denied_width);
    const std::string bar = room >= kMinBar ? BarOf(line.sums, most, room) : std::string();
    if (!bar.empty()) text += fmt::format("{}{}", kColumnGap, bar);
    text += '\n';
  }
  return text;
}

FieldList UsageFields(const v1::GetUsageResponse& usage, absl::Time now) {
  FieldList fields;
  const Sums sums = SumsOf(usage.totals());
  fields.Add("good", Grouped(sums.good));
  std::string denied = Grouped(sums.denied);
  std::string by_code;
  for (const v1::UsageCount& count : usage.totals()) {
    if (count.code() == v1::VERIFY_CODE_VALID) continue;
    if (!by_code.empty()) by_code += ", ";
    by_code += fmt::format("{} {}", EnumLabel(count.code()), Grouped(count.count()));
  }
  if (!by_code.empty()) denied += " (" + by_code + ")";
  fields.Add("denied", denied, sums.denied > 0 ? Tone::kCaution : Tone::kPlain);
  if (sums.good + sums.denied > 0) {
    fields.Add("error rate", fmt::format("{:.3g} %", usage.error_rate() * 100));
  }
  if (usage.has_last_used_time()) {
    fields.Add("last used", FormatMoment(usage.last_used_time(), now));
    fields.Add("from", usage.last_used_address());
    fields.Add("by", usage.last_used_by());
  }
  return fields;
}

}  // namespace claviger::cli
