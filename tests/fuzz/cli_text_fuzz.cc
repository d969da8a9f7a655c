// Durations and times as people type them, and a server's text on its way to a terminal.
#include <string>

#include "client/cli/display_text.h"
#include "client/cli/durations.h"
#include "client/cli/time_text.h"
#include "core/text.h"
#include "tests/fuzz/fuzz.h"

namespace claviger::cli {
namespace {

void CheckTimes(std::string_view text) {
  const absl::Time now = absl::FromUnixSeconds(1893456000);
  const auto duration = ParseDuration("--ttl", text);
  if (duration.ok()) {
    FUZZ_CHECK(*duration > absl::ZeroDuration() && *duration <= absl::Hours(24 * 36500));
    FUZZ_CHECK(FromProto(ToProto(*duration)) == *duration);
    FUZZ_CHECK(!FormatLength(*duration).empty() && !FormatElapsed(*duration).empty());
    FUZZ_CHECK(*ParseTimeOrOffset("--until", text, now, Direction::kFuture) > now);
    FUZZ_CHECK(*ParseTimeOrOffset("--since", text, now, Direction::kPast) < now);
  }
  const auto ttl = ParseTtl("--ttl", text);
  FUZZ_CHECK(ttl.ok() == (duration.ok() || text == "none"));
  const auto time = ParseTime("--expires", text);
  if (!time.ok()) return;
  FUZZ_CHECK(*time > absl::InfinitePast() && *time < absl::InfiniteFuture());
  FUZZ_CHECK(!FormatRelative(*time, now).empty());
  // What is shown of it is read as the same second.
  const absl::Time second = absl::FromUnixSeconds(absl::ToUnixSeconds(*time));
  const auto shown = ParseTime("--expires", FormatRfc3339(*time));
  if (absl::ToCivilYear(*time, absl::UTCTimeZone()).year() <= 9999 &&
      absl::ToCivilYear(*time, absl::UTCTimeZone()).year() >= 0) {
    FUZZ_CHECK(shown.ok() && *shown == second);
  }
}

void CheckDisplay(std::string_view text) {
  const std::string escaped = EscapeForTerminal(text);
  // Nothing that a terminal obeys is left, and what is left stays as it is.
  FUZZ_CHECK(IsValidUtf8(escaped));
  FUZZ_CHECK(CheckText("text", escaped, escaped.size()).ok());
  FUZZ_CHECK(EscapeForTerminal(escaped) == escaped);
  const size_t width = DisplayWidth(escaped);
  for (const size_t limit : {size_t{1}, size_t{7}, size_t{80}}) {
    const std::string cut = Truncate(escaped, limit);
    FUZZ_CHECK(DisplayWidth(cut) <= limit && IsValidUtf8(cut));
    if (width <= limit) FUZZ_CHECK(cut == escaped);
    const auto lines = Wrap(escaped, limit);
    FUZZ_CHECK(!lines.empty());
    for (const std::string& line : lines) FUZZ_CHECK(IsValidUtf8(line));
  }
}

}  // namespace
}  // namespace claviger::cli

FUZZ_TARGET(cli_text) {
  claviger::cli::CheckTimes(input);
  claviger::cli::CheckDisplay(input);
}
