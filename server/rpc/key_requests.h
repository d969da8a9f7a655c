// KeyAuthority's requests in the authority's own terms. Each returns INVALID_ARGUMENT naming all
// bad fields.
#ifndef CLAVIGER_SERVER_RPC_KEY_REQUESTS_H_
#define CLAVIGER_SERVER_RPC_KEY_REQUESTS_H_

#include <string>

#include "absl/status/statusor.h"
#include "claviger/v1/key_authority.pb.h"
#include "server/manage/key_list.h"
#include "server/manage/key_manager.h"

namespace claviger {

absl::StatusOr<IssueParams> ToIssueParams(const v1::IssueKeyRequest& request);
absl::StatusOr<ListParams> ToListParams(const v1::ListKeysRequest& request);
absl::StatusOr<ScopeChange> ToScopeChange(const v1::UpdateScopesRequest& request);
absl::StatusOr<KeyId> ToKeyId(const std::string& key_id);

// What all changes of a key have in common: `key_id`, `if_revision`, `validate_only`, and
// `propagation` where the request has it.
absl::StatusOr<ChangeParams> ToChangeParams(const v1::UpdateScopesRequest& request);
absl::StatusOr<ChangeParams> ToChangeParams(const v1::DisableKeyRequest& request);
absl::StatusOr<ChangeParams> ToChangeParams(const v1::EnableKeyRequest& request);
absl::StatusOr<ChangeParams> ToChangeParams(const v1::RevokeKeyRequest& request);
absl::StatusOr<ChangeParams> ToChangeParams(const v1::DeleteKeyRequest& request);
absl::StatusOr<ChangeParams> ToChangeParams(const v1::UndeleteKeyRequest& request);

struct RevokeNote {
  RevokeReason reason = RevokeReason::kUnspecified;
  std::string note;
};
absl::StatusOr<RevokeNote> ToRevokeNote(const v1::RevokeKeyRequest& request);
absl::StatusOr<RevokeNote> ToRevokeNote(const v1::DeleteKeyRequest& request);

}  // namespace claviger

#endif  // CLAVIGER_SERVER_RPC_KEY_REQUESTS_H_
