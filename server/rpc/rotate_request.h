// RotateKey's request in the authority's own terms.
#ifndef CLAVIGER_SERVER_RPC_ROTATE_REQUEST_H_
#define CLAVIGER_SERVER_RPC_ROTATE_REQUEST_H_

#include "absl/status/statusor.h"
#include "claviger/v1/key_lifecycle.pb.h"
#include "server/manage/key_rotate.h"

namespace claviger {

// INVALID_ARGUMENT naming all bad fields.
absl::StatusOr<RotateParams> ToRotateParams(const v1::RotateKeyRequest& request);

}  // namespace claviger

#endif  // CLAVIGER_SERVER_RPC_ROTATE_REQUEST_H_
