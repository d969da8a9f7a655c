// Writes refused calls into the audit log.
#ifndef CLAVIGER_SERVER_AUDIT_REFUSAL_RECORDER_H_
#define CLAVIGER_SERVER_AUDIT_REFUSAL_RECORDER_H_

#include <cstdint>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "core/audit_entry.h"
#include "core/clock.h"
#include "server/metrics/audit_metrics.h"
#include "storage/key_store.h"

namespace claviger {

// Action of the entry that stands for those that were left out.
inline constexpr char kLeftOutAction[] = "RefusedCalls";

// Anybody who reaches the server can be refused, as often as they like. So that nobody fills the
// disk that way or keeps the writer from its work, a number of refused calls is recorded at once
// and then one in each interval; the rest is counted, and from time to time one entry says how many
// they were.
//
// Thread safety: all methods may be called from any thread at once. None blocks.
class RefusalRecorder {
 public:
  // At the defaults, a day of refused calls adds at most some 30 MB to the log.
  struct Limits {
    uint64_t burst = 100;
    absl::Duration interval = absl::Seconds(1);
  };

  // All outlive the recorder; `metrics` also outlives the store's Close.
  RefusalRecorder(KeyStore& store, const Clock& clock, AuditMetrics& metrics, const Limits& limits);

  // Whether one more is recorded: to be asked before a draft is made. False: it was counted as left
  // out.
  bool Admit() ABSL_LOCKS_EXCLUDED(mutex_);
  // Queues the entry of a call that was admitted. Of what the caller said it may have ids only, of
  // the right form. Where the key is known its project stands in the entry, whatever the caller
  // named.
  void Record(AuditDraft draft);

  // Queues the entry that says how many were left out since the last one, if any were. For a timer,
  // and for the end.
  void RecordLeftOut() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void Write(AuditDraft draft);

  KeyStore& store_;
  const Clock& clock_;
  AuditMetrics& metrics_;
  const Limits limits_;

  absl::Mutex mutex_;
  uint64_t room_ ABSL_GUARDED_BY(mutex_);
  absl::Duration counted_from_ ABSL_GUARDED_BY(mutex_);  // when `room_` last grew
  uint64_t left_out_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace claviger

#endif  // CLAVIGER_SERVER_AUDIT_REFUSAL_RECORDER_H_
