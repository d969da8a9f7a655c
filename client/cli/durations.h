// Durations and times as people type them.
#ifndef CLAVIGER_CLIENT_CLI_DURATIONS_H_
#define CLAVIGER_CLIENT_CLI_DURATIONS_H_

#include <optional>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace claviger::cli {

// What a message says is accepted.
inline constexpr std::string_view kDurationSyntax =
    "must be a duration such as 30s, 12h, 90d, 1y or 1d12h, more than 0 and at most 100y";
inline constexpr std::string_view kTimeSyntax =
    "must be a time such as 2030-01-31T12:00:00Z or 2030-01-31";

// Numbers with units, largest first or not: `ms s m h d w y`; a week has 7 days, a year 365.
// INVALID_ARGUMENT naming `flag` for anything else, for 0 and for more than 100 years; and for
// minutes beside weeks or years, which are months that somebody meant.
absl::StatusOr<absl::Duration> ParseDuration(std::string_view flag, std::string_view text);

// The same, or `none`: nullopt, a key that does not expire.
absl::StatusOr<std::optional<absl::Duration>> ParseTtl(std::string_view flag,
                                                       std::string_view text);

// RFC 3339 with an offset or `Z`, or a date, which means its beginning in UTC. INVALID_ARGUMENT
// naming `flag` for anything else.
absl::StatusOr<absl::Time> ParseTime(std::string_view flag, std::string_view text);

// On which side of now a bare duration lies when a time is asked for.
enum class Direction { kPast, kFuture };

// As `ParseTime`, or a duration before or after `now`.
absl::StatusOr<absl::Time> ParseTimeOrOffset(std::string_view flag, std::string_view text,
                                             absl::Time now, Direction direction);

}  // namespace claviger::cli

#endif  // CLAVIGER_CLIENT_CLI_DURATIONS_H_
