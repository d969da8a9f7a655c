// Verifying sessions for people and programs to look at.
#ifndef CLAVIGER_CLIENT_CLI_SESSION_VIEW_H_
#define CLAVIGER_CLIENT_CLI_SESSION_VIEW_H_

#include <claviger/v1/key_authority.pb.h>
#include <google/protobuf/struct.pb.h>

#include <string>

#include "absl/status/statusor.h"
#include "client/cli/table.h"

namespace claviger::cli {

// How a session stands, from the one that holds a strict revoke up the longest.
enum class SessionState {
  kGone,       // no stream, but a lease: waited for until that ends
  kBehind,     // has yet to acknowledge the newest changes
  kNoLease,    // connected, and asks the server for each check
  kFollowing,  // in step
  kObserver,   // only looks on: nobody waits for it
};

SessionState StateOf(const v1::VerifierSession& session, uint64_t head_revision);

// How many there are, by state: `3 (1 gone, 2 following)`.
std::string SessionSummary(const v1::ListSessionsResponse& sessions);

// A line for each of at most `limit` sessions, those first that hold a revoke up.
Table SessionTable(const v1::ListSessionsResponse& sessions, size_t limit);

// All of them as protobuf's own JSON has them, each with `state` and `lag` beside. INTERNAL when
// one cannot be written as JSON.
absl::StatusOr<google::protobuf::ListValue> SessionValues(const v1::ListSessionsResponse& sessions);

}  // namespace claviger::cli

#endif  // CLAVIGER_CLIENT_CLI_SESSION_VIEW_H_
