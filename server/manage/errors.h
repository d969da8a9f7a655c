// Errors that several managers give, worded once: what a caller may not see answers byte for byte
// as what does not exist.
#ifndef CLAVIGER_SERVER_MANAGE_ERRORS_H_
#define CLAVIGER_SERVER_MANAGE_ERRORS_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/key_format.h"
#include "core/key_record.h"
#include "core/revision.h"
#include "storage/key_store.h"

namespace claviger {

absl::Status KeyNotFound(const KeyId& id);
absl::Status ProjectNotFound(const std::string& project_id);
// FAILED_PRECONDITION `KEY_REVOKED`.
absl::Status RevokedKeyIsFinal(const KeyId& id);
// The project; or ProjectNotFound when there is none or it was deleted, also while its last keys
// are still there; or the store's error.
absl::StatusOr<std::shared_ptr<const ProjectRecord>> FindLiveProject(const StateReader& state,
                                                                     const std::string& project_id);
// OK when `wanted` is 0 or `current`; else ABORTED `STALE_REVISION`.
absl::Status CheckRevision(Revision wanted, Revision current);

}  // namespace claviger

#endif  // CLAVIGER_SERVER_MANAGE_ERRORS_H_
