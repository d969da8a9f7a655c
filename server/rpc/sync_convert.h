// The Sync stream's messages between the wire and core/sync_messages.h.
#ifndef CLAVIGER_SERVER_RPC_SYNC_CONVERT_H_
#define CLAVIGER_SERVER_RPC_SYNC_CONVERT_H_

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "claviger/v1/key_authority.pb.h"
#include "claviger/v1/verifier.pb.h"
#include "core/sync_messages.h"
#include "server/sync/sync_loop.h"

namespace claviger {

// INVALID_ARGUMENT naming all bad fields. `stale_on_error` is at most `max_stale_on_error`.
absl::StatusOr<sync::Hello> ToHello(const v1::SyncHello& hello, absl::Duration max_stale_on_error);
sync::Beat ToBeat(const v1::SyncBeat& beat);

v1::SyncResponse ToProto(const sync::FromAuthority& message);

// At most 10,000, connected ones first.
void FillSessions(const sync::SessionList& list, v1::ListSessionsResponse& out);

}  // namespace claviger

#endif  // CLAVIGER_SERVER_RPC_SYNC_CONVERT_H_
