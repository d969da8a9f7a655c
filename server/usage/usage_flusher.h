// Brings what was counted into the store, every some seconds and at the end.
#ifndef CLAVIGER_SERVER_USAGE_USAGE_FLUSHER_H_
#define CLAVIGER_SERVER_USAGE_USAGE_FLUSHER_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "core/clock.h"
#include "server/usage/usage_recorder.h"
#include "storage/key_store.h"

namespace claviger {

// One flush, for metrics.
struct UsageFlush {
  absl::Duration took;
  uint64_t dropped = 0;  // checks that will not be counted, since the flush before
};

// Thread safety: all methods may be called from any thread at once.
class UsageFlusher {
 public:
  static constexpr absl::Duration kInterval = absl::Seconds(10);

  struct Hooks {
    // A key that replaced another one has been used, and the other one's grace waits for that (its
    // record has a `pending_grace`). Called on the flushing thread, before the use is stored, and
    // must not block. Once; again only after kTellAgain, or in another process, if the grace still
    // waits while the key is used. Empty: nobody wants to know.
    std::function<void(const KeyId& key_id, absl::Time time)> first_use;
    std::function<void(const UsageFlush& flush)> on_flush;
  };
  static constexpr absl::Duration kTellAgain = absl::Minutes(1);

  // All references outlive this.
  UsageFlusher(UsageRecorder& recorder, KeyStore& store, const Clock& clock, Hooks hooks);

  // Flushes if that is due: by time, or because the recorder fills up. Blocks on I/O.
  void FlushIfDue() ABSL_LOCKS_EXCLUDED(mutex_);
  // What the store does not take stays for the next time, as far as there is room.
  void Flush() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void FlushLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // A line when storing begins to fail, and one when it works again: a disk may be full for days.
  void LogChange(const absl::Status& added) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Merge(std::vector<RecordedUse> uses) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void TellFirstUse(const KeyRecord& key, absl::Time time) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  UsageRecorder& recorder_;
  KeyStore& store_;
  const Clock& clock_;
  const Hooks hooks_;

  absl::Mutex mutex_;
  absl::Duration next_ ABSL_GUARDED_BY(mutex_);
  // Not yet in the store.
  std::map<std::pair<KeyId, UsageHour>, UsageDelta> waiting_ ABSL_GUARDED_BY(mutex_);
  bool failed_ ABSL_GUARDED_BY(mutex_) = false;    // the last flush
  uint64_t dropped_ ABSL_GUARDED_BY(mutex_) = 0;   // by us, since the last report
  uint64_t reported_ ABSL_GUARDED_BY(mutex_) = 0;  // of what the recorder dropped
  // Replacing keys that need no look for a while, and until when.
  absl::flat_hash_map<KeyId, absl::Duration> told_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace claviger

#endif  // CLAVIGER_SERVER_USAGE_USAGE_FLUSHER_H_
