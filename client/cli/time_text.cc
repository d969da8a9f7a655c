#include "client/cli/time_text.h"

#include <fmt/format.h>

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace claviger::cli {
namespace {

struct Unit {
  int64_t seconds;
  std::string_view one;
  std::string_view many;
};

constexpr int64_t kDay = 86'400;
constexpr absl::Duration kHalfSecond = absl::Milliseconds(500);
constexpr std::array<Unit, 5> kUnits = {{{365 * kDay, "year", "years"},
                                         {kDay, "day", "days"},
                                         {3'600, "h", "h"},
                                         {60, "min", "min"},
                                         {1, "s", "s"}}};

std::string CountOf(int64_t number, const Unit& unit) {
  return fmt::format("{} {}", number, number == 1 ? unit.one : unit.many);
}

// `seconds` in the largest unit of which there are at least two, to the nearest: a key with 12 h
// to live says so a moment later too.
std::string InOneUnit(int64_t seconds) {
  for (const Unit& unit : kUnits) {
    const int64_t whole = seconds / unit.seconds;
    if (whole < 2) continue;
    return CountOf(whole + (seconds % unit.seconds * 2 >= unit.seconds ? 1 : 0), unit);
  }
  return fmt::format("{} s", seconds);
}

}  // namespace

std::string FormatRelative(absl::Time time, absl::Time now) {
  const int64_t seconds = absl::ToInt64Seconds(absl::AbsDuration(time - now) + kHalfSecond);
  if (seconds == 0) return time > now ? "in 0 s" : "just now";
  return time > now ? "in " + InOneUnit(seconds) : InOneUnit(seconds) + " ago";
}

std::string FormatRfc3339(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
}

std::string FormatElapsed(absl::Duration duration) {
  const double seconds = absl::ToDoubleSeconds(duration);
  if (seconds < 1e-6) return "0 ms";
  if (seconds < 1e-3) return fmt::format("{:.0f} µs", seconds * 1e6);
  if (seconds < 9.95e-3) return fmt::format("{:.3g} ms", seconds * 1e3);
  if (seconds < 0.9995) return fmt::format("{:.0f} ms", seconds * 1e3);
  if (seconds < 99.95) return fmt::format("{:.3g} s", seconds);
  return InOneUnit(absl::ToInt64Seconds(duration));
}

std::string FormatLength(absl::Duration duration) {
  int64_t seconds = absl::ToInt64Seconds(duration);
  std::string text;
  for (const Unit& unit : std::span(kUnits).subspan(1)) {  // not in years: 90 days, 365 days
    const int64_t number = seconds / unit.seconds;
    if (number == 0) continue;
    if (!text.empty()) text += ' ';
    text += CountOf(number, unit);
    seconds %= unit.seconds;
  }
  return text.empty() ? FormatElapsed(duration) : text;
}

absl::Time FromProto(const google::protobuf::Timestamp& time) {
  return absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos());
}

absl::Duration FromProto(const google::protobuf::Duration& duration) {
  return absl::Seconds(duration.seconds()) + absl::Nanoseconds(duration.nanos());
}

google::protobuf::Timestamp ToProto(absl::Time time) {
  google::protobuf::Timestamp proto;
  proto.set_seconds(absl::ToUnixSeconds(time));
  proto.set_nanos(static_cast<int32_t>(
      absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(proto.seconds()))));
  return proto;
}

google::protobuf::Duration ToProto(absl::Duration duration) {
  google::protobuf::Duration proto;
  proto.set_seconds(absl::ToInt64Seconds(duration));
  proto.set_nanos(
      static_cast<int32_t>(absl::ToInt64Nanoseconds(duration - absl::Seconds(proto.seconds()))));
  return proto;
}

}  // namespace claviger::cli
