// What verifiers counted of the checks that their caches answered: it rides on the Sync stream.
#ifndef CLAVIGER_SERVER_RPC_USAGE_REPORT_H_
#define CLAVIGER_SERVER_RPC_USAGE_REPORT_H_

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "claviger/v1/verifier.pb.h"
#include "server/manage/caller.h"
#include "server/usage/usage_recorder.h"
#include "server/verify/verifier.h"

namespace claviger {

// Hands the beat's reports to `usage`, as of `now`. What is about no key, or about one that
// `caller` may not verify, is dropped without a word; counts and times beyond what can be are cut
// to what can be. INVALID_ARGUMENT: more than 500 keys.
absl::Status TakeUsageReport(const Caller& caller, const v1::SyncBeat& beat, Verifier& verifier,
                             UsageRecorder& usage, absl::Time now);

}  // namespace claviger

#endif  // CLAVIGER_SERVER_RPC_USAGE_REPORT_H_
