// What verifiers counted of the checks that their caches answered: it rides on the Sync stream.
#ifndef CLAVIGER_SERVER_RPC_USAGE_REPORT_H_
#define CLAVIGER_SERVER_RPC_USAGE_REPORT_H_

#include <atomic>
#include <cstddef>

#include "absl/status/status.h"
#include "claviger/v1/verifier.pb.h"
#include "core/clock.h"
#include "google/protobuf/repeated_ptr_field.h"
#include "server/manage/caller.h"
#include "server/rpc/worker_pool.h"
#include "server/usage/usage_recorder.h"
#include "server/verify/verifier.h"

namespace claviger {

// Hands reports to the recorder. Each key that is reported on may cost a read of the store, so that
// is done on a thread of its own; what comes faster than that thread is waits, up to a bound, and
// is dropped above it, and counted as dropped usage.
//
// Thread safety: all methods may be called from any thread at once.
class UsageReports {
 public:
  using Reports = google::protobuf::RepeatedPtrField<v1::KeyUsage>;

  // Keys that a report is about at most.
  static constexpr int kMaxKeysOfReport = 500;
  // Keys whose reports wait at most: some 10 MiB, and well under a second's work.
  static constexpr size_t kMaxWaitingKeys = 50'000;

  // All arguments outlive this.
  UsageReports(Verifier& verifier, UsageRecorder& usage, const Clock& clock);
  // Hands over what waits.
  ~UsageReports() = default;

  // Takes a beat's reports, as of now; never blocks. What is about no key, or about one that
  // `caller` may not verify, is dropped without a word; counts and times beyond what can be are cut
  // to what can be. INVALID_ARGUMENT: more than kMaxKeysOfReport keys.
  absl::Status Take(const Caller& caller, Reports reports);

 private:
  void HandOver(const Caller& caller, const Reports& reports, absl::Time now);

  Verifier& verifier_;
  UsageRecorder& usage_;
  const Clock& clock_;
  std::atomic<size_t> waiting_keys_{0};
  WorkerPool worker_;  // last: ends first
};

}  // namespace claviger

#endif  // CLAVIGER_SERVER_RPC_USAGE_REPORT_H_
