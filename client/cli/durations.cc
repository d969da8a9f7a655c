#include "client/cli/durations.h"

#include <array>
#include <charconv>
#include <string>

#include "core/status.h"

namespace claviger::cli {
namespace {

constexpr int64_t kMaxYears = 100;

struct Unit {
  std::string_view name;
  absl::Duration length;
};

absl::Duration Days(int64_t days) { return absl::Hours(24 * days); }

std::optional<absl::Duration> UnitLength(std::string_view name) {
  const std::array<Unit, 7> units = {{{"ms", absl::Milliseconds(1)},
                                      {"s", absl::Seconds(1)},
                                      {"m", absl::Minutes(1)},
                                      {"h", absl::Hours(1)},
                                      {"d", Days(1)},
                                      {"w", Days(7)},
                                      {"y", Days(365)}}};
  for (const Unit& unit : units) {
    if (unit.name == name) return unit.length;
  }
  return std::nullopt;
}

// nullopt unless `text` is a sum of numbers with units, none of which is absurd.
std::optional<absl::Duration> ParseSum(std::string_view text) {
  absl::Duration sum;
  if (text.empty()) return std::nullopt;
  while (!text.empty()) {
    uint32_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc()) return std::nullopt;
    text.remove_prefix(static_cast<size_t>(end - text.data()));
    const size_t unit_end = std::min(text.find_first_of("0123456789"), text.size());
    const std::optional<absl::Duration> unit = UnitLength(text.substr(0, unit_end));
    if (!unit.has_value()) return std::nullopt;
    text.remove_prefix(unit_end);
    sum += *unit * int64_t{number};
  }
  return sum;
}

// Whether `1y6m` stands there, or `6mo`: a month is no unit, and `m` is a minute.
bool MeansMonths(std::string_view text) {
  if (text.find("mo") != std::string_view::npos) return true;
  const bool is_long = text.find_first_of("yw") != std::string_view::npos;
  for (size_t at = text.find('m'); is_long && at != std::string_view::npos;
       at = text.find('m', at + 1)) {
    if (at + 1 == text.size() || text[at + 1] != 's') return true;
  }
  return false;
}

}  // namespace

absl::StatusOr<absl::Duration> ParseDuration(std::string_view flag, std::string_view text) {
  if (MeansMonths(text)) {
    return InvalidField(std::string(flag),
                        "has no months, and m is minutes: write days, e.g. 180d or 1y180d");
  }
  const std::optional<absl::Duration> duration = ParseSum(text);
  if (!duration.has_value() || *duration <= absl::ZeroDuration() ||
      *duration > Days(365 * kMaxYears)) {
    return InvalidField(std::string(flag), std::string(kDurationSyntax));
  }
  return *duration;
}

absl::StatusOr<std::optional<absl::Duration>> ParseTtl(std::string_view flag,
                                                       std::string_view text) {
  if (text == "none") return std::optional<absl::Duration>();
  absl::StatusOr<absl::Duration> duration = ParseDuration(flag, text);
  if (!duration.ok() && MeansMonths(text)) return duration.status();
  if (!duration.ok()) {
    return InvalidField(std::string(flag), std::string(kDurationSyntax) + ", or none");
  }
  return std::optional<absl::Duration>(*duration);
}

absl::StatusOr<absl::Time> ParseTime(std::string_view flag, std::string_view text) {
  // absl reads spaces around the fields and "infinite-future" too; neither is a date.
  const bool plain = text.find_first_not_of("0123456789-+:.TZtz") == std::string_view::npos;
  const absl::string_view input(text.data(), text.size());
  absl::Time time;
  std::string error;
  if (plain && (absl::ParseTime(absl::RFC3339_full, input, &time, &error) ||
                absl::ParseTime("%Y-%m-%d", input, &time, &error))) {
    return time;
  }
  return InvalidField(std::string(flag), std::string(kTimeSyntax));
}

absl::StatusOr<absl::Time> ParseTimeOrOffset(std::string_view flag, std::string_view text,
                                             absl::Time now, Direction direction) {
  if (const absl::StatusOr<absl::Duration> offset = ParseDuration(flag, text); offset.ok()) {
    return direction == Direction::kPast ? now - *offset : now + *offset;
  }
  absl::StatusOr<absl::Time> time = ParseTime(flag, text);
  if (time.ok()) return time;
  return InvalidField(std::string(flag),
                      std::string(kTimeSyntax) + ", or a duration such as 7d, at most 100y");
}

}  // namespace claviger::cli
