// Which keys a request means.
#ifndef CLAVIGER_SERVER_RPC_KEY_FILTER_H_
#define CLAVIGER_SERVER_RPC_KEY_FILTER_H_

#include "absl/status/statusor.h"
#include "claviger/v1/key_authority.pb.h"
#include "claviger/v1/key_lifecycle.pb.h"
#include "server/manage/bulk_revoke.h"
#include "server/manage/key_list.h"
#include "server/rpc/field_errors.h"

namespace claviger {

// Bad fields are added to `errors`.
KeyFilter ReadFilter(const v1::ListKeysRequest& request, FieldErrors& errors);
// The same criteria, as the request's field `filter`.
KeyFilter ReadFilter(const v1::KeyFilter& filter, FieldErrors& errors);

// INVALID_ARGUMENT naming all bad fields: also where neither keys nor a criterion are given, or
// both.
absl::StatusOr<BulkRevokeParams> ToBulkRevokeParams(const v1::RevokeKeysRequest& request);

}  // namespace claviger

#endif  // CLAVIGER_SERVER_RPC_KEY_FILTER_H_
