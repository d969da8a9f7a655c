// The Sync stream's messages between the wire and core/sync_messages.h.
#ifndef CLAVIGER_CLIENT_SRC_SYNC_CONVERT_H_
#define CLAVIGER_CLIENT_SRC_SYNC_CONVERT_H_

#include <claviger/v1/verifier.pb.h>

#include "absl/status/statusor.h"
#include "core/sync_messages.h"

namespace claviger::client {

v1::SyncRequest ToProto(const sync::FromVerifier& message);

// INVALID_ARGUMENT: not a message of the protocol. An item of a kind that this client does not know
// becomes `all`: whatever it means, it is then forgotten.
absl::StatusOr<sync::FromAuthority> FromProto(const v1::SyncResponse& response);

}  // namespace claviger::client

#endif  // CLAVIGER_CLIENT_SRC_SYNC_CONVERT_H_
