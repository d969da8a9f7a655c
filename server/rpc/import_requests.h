// LookupKey and ImportKeys requests in the authority's own terms.
#ifndef CLAVIGER_SERVER_RPC_IMPORT_REQUESTS_H_
#define CLAVIGER_SERVER_RPC_IMPORT_REQUESTS_H_

#include <vector>

#include "absl/status/statusor.h"
#include "claviger/v1/key_import.pb.h"
#include "server/manage/key_importer.h"
#include "server/manage/key_lookup.h"

namespace claviger {

// With views into `request`, which outlives it. INVALID_ARGUMENT naming all bad fields.
absl::StatusOr<LookedUp> ToLookedUp(const v1::LookupKeyRequest& request);

// INVALID_ARGUMENT for what is wrong with the call. What is wrong with a key stands in its row,
// with paths from the key on.
absl::StatusOr<ImportParams> ToImportParams(const v1::ImportKeysRequest& request);

// An answer for each row, and their counts.
void FillImport(const std::vector<ImportedRow>& rows, v1::ImportKeysResponse& out);

}  // namespace claviger

#endif  // CLAVIGER_SERVER_RPC_IMPORT_REQUESTS_H_
