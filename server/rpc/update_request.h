// UpdateKey's request in the authority's own terms.
#ifndef CLAVIGER_SERVER_RPC_UPDATE_REQUEST_H_
#define CLAVIGER_SERVER_RPC_UPDATE_REQUEST_H_

#include "absl/status/statusor.h"
#include "claviger/v1/key_lifecycle.pb.h"
#include "server/manage/key_manager.h"
#include "server/manage/key_update.h"

namespace claviger {

struct KeyUpdateRequest {
  ChangeParams params;
  KeyUpdate update;
};

// INVALID_ARGUMENT naming all bad fields; of `key` only those that the mask names are looked at.
absl::StatusOr<KeyUpdateRequest> ToKeyUpdate(const v1::UpdateKeyRequest& request);

}  // namespace claviger

#endif  // CLAVIGER_SERVER_RPC_UPDATE_REQUEST_H_
