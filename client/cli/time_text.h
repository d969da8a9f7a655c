// Times and durations as people read them, and their conversion from and to protobuf.
#ifndef CLAVIGER_CLIENT_CLI_TIME_TEXT_H_
#define CLAVIGER_CLIENT_CLI_TIME_TEXT_H_

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include <string>

#include "absl/time/time.h"

namespace claviger::cli {

// `in 89 days`, `3 h ago`, `just now`: the largest unit of which there are two, to the nearest.
std::string FormatRelative(absl::Time time, absl::Time now);

// RFC 3339 in UTC, to the second: `2030-01-31T12:00:00Z`.
std::string FormatRfc3339(absl::Time time);

// A measured time in two digits or more: `350 µs`, `3 ms`, `2.1 s`, `4 min`.
std::string FormatElapsed(absl::Duration duration);

// A length that somebody chose, in its largest whole units: `90 days`, `1 day 12 h`.
std::string FormatLength(absl::Duration duration);

absl::Time FromProto(const google::protobuf::Timestamp& time);
absl::Duration FromProto(const google::protobuf::Duration& duration);
google::protobuf::Timestamp ToProto(absl::Time time);
google::protobuf::Duration ToProto(absl::Duration duration);

}  // namespace claviger::cli

#endif  // CLAVIGER_CLIENT_CLI_TIME_TEXT_H_
