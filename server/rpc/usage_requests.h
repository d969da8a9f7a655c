// Requests about usage in the authority's own terms.
#ifndef CLAVIGER_SERVER_RPC_USAGE_REQUESTS_H_
#define CLAVIGER_SERVER_RPC_USAGE_REQUESTS_H_

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "claviger/v1/usage.pb.h"
#include "server/manage/usage_reader.h"

namespace claviger {

// INVALID_ARGUMENT naming all bad fields.
absl::StatusOr<UsageQuery> ToUsageQuery(const v1::GetUsageRequest& request, absl::Time now);

}  // namespace claviger

#endif  // CLAVIGER_SERVER_RPC_USAGE_REQUESTS_H_
