// What `claviger watch` prints: a line for each event, for people or for programs.
#ifndef CLAVIGER_CLIENT_CLI_WATCH_VIEW_H_
#define CLAVIGER_CLIENT_CLI_WATCH_VIEW_H_

#include <claviger/v1/verifier.pb.h>

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/cli/watch_feed.h"

namespace claviger::cli {

// The headers of the columns, ended by a newline.
std::string WatchHeader();

// One line in those columns, heard at `time`: when, revision, what. Escaped, ended by a newline.
std::string WatchLine(const WatchEvent& event, absl::Time time, bool color);

// One JSON object in a line: `time`, `revision`, `what` (`KEY`, `PROJECT`, `ALL` or `RESET`), `id`
// with the first two, `since` with the last. Revisions are strings, as in protobuf's own JSON.
// INTERNAL when it cannot be written as JSON, e.g. an id that is not UTF-8.
absl::StatusOr<std::string> WatchJsonLine(const WatchEvent& event, absl::Time time);

// What is being watched, for people: `watching all projects from revision 17`.
std::string DescribeWelcome(const v1::SyncWelcome& welcome, uint64_t position);

}  // namespace claviger::cli

#endif  // CLAVIGER_CLIENT_CLI_WATCH_VIEW_H_
