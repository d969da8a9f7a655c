// Counts of checks for people to look at.
#ifndef CLAVIGER_CLIENT_CLI_USAGE_VIEW_H_
#define CLAVIGER_CLIENT_CLI_USAGE_VIEW_H_

#include <claviger/v1/usage.pb.h>

#include <cstddef>
#include <string>

#include "absl/time/time.h"
#include "client/cli/table.h"

namespace claviger::cli {

// A line for each hour or day that `request` spans, with a bar of good (`█`) and denied (`░`)
// checks, no line wider than `width` where that is possible at all; of more than 100 those without
// checks are left out. The bars are as long as the largest needs.
std::string UsageChart(const v1::GetUsageRequest& request, const v1::GetUsageResponse& usage,
                       size_t width);

// The sums; times relative to `now`.
FieldList UsageFields(const v1::GetUsageResponse& usage, absl::Time now);

}  // namespace claviger::cli

#endif  // CLAVIGER_CLIENT_CLI_USAGE_VIEW_H_
