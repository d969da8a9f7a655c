// Takes backups for callers, one at a time.
#ifndef CLAVIGER_SERVER_MANAGE_BACKUP_RUNNER_H_
#define CLAVIGER_SERVER_MANAGE_BACKUP_RUNNER_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "core/backup_format.h"
#include "core/clock.h"
#include "server/manage/caller.h"
#include "server/manage/mutation_runner.h"
#include "server/metrics/backup_metrics.h"
#include "storage/backup_source.h"
#include "storage/key_store.h"

namespace claviger {

// The sending end of a backup.
//
// Thread safety: all methods may be called from any thread at once. None blocks.
class BackupReceiver {
 public:
  virtual ~BackupReceiver() = default;
  // Each sends this, then calls BackupRunner::OnSent; until then it gets no more. The header is the
  // first.
  virtual void SendHeader(const BackupHeader& header) = 0;
  virtual void SendBytes(std::string bytes) = 0;
  // Ends it after what is being sent.
  virtual void Close(absl::Status status) = 0;
  // Gives up what is being sent; Close comes next.
  virtual void CutOff() = 0;
};

// Who asked for a backup.
struct BackupParams {
  Caller caller;
  // OK while the caller may have it; must not block.
  std::function<absl::Status()> still_allowed;
};

using BackupId = uint64_t;

// Reads for the one backup that is under way on a thread of its own, a piece ahead of what is being
// sent. Before each piece, and with each Tick, its caller is looked at again.
//
// Thread safety: all methods may be called from any thread at once, and none blocks except Stop.
class BackupRunner {
 public:
  // A caller that takes nothing for so long is cut off: what the backup keeps from being removed
  // takes more and more of the disk.
  static constexpr absl::Duration kMaxStall = absl::Minutes(1);

  // All outlive this, and `source` is what `store` writes to. `version` is that of this program.
  BackupRunner(KeyStore& store, BackupSource& source, const Clock& clock, BackupMetrics& metrics,
               std::string version);
  // Stops.
  ~BackupRunner();

  BackupId NewId() { return next_id_.fetch_add(1, std::memory_order_relaxed); }
  // Begins one: with an audit entry, which the backup has in it. How it ends the receiver is told:
  // with OK behind the last byte. PERMISSION_DENIED: the caller is bound to projects;
  // RESOURCE_EXHAUSTED `OVERLOADED`: one is under way; UNAVAILABLE `SHUTTING_DOWN`: the receiver is
  // told nothing.
  absl::Status Begin(BackupId id, std::shared_ptr<BackupReceiver> receiver, BackupParams params)
      ABSL_LOCKS_EXCLUDED(mutex_);
  void OnSent(BackupId id) ABSL_LOCKS_EXCLUDED(mutex_);
  // The receiver can send nothing more.
  void OnClosed(BackupId id) ABSL_LOCKS_EXCLUDED(mutex_);
  // To be called each second or so: lets time pass for a caller that takes nothing.
  void Tick() ABSL_LOCKS_EXCLUDED(mutex_);

  // Ends the one that is under way, and waits for that. Idempotent.
  void Stop() ABSL_LOCKS_EXCLUDED(mutex_, join_mutex_);

 private:
  struct Job {
    const BackupId id;
    const std::shared_ptr<BackupReceiver> receiver;
    const BackupParams params;
  };
  // How sending goes.
  enum class Sending { kIdle, kUnderWay, kClosed };

  void Loop();
  // From the audit entry to the last byte. When it returns the store has given nothing away any
  // more.
  absl::Status Serve(const Job& job);
  absl::Status SendAll(const Job& job, BackupStream& stream);
  // Writes the audit entry; waits until it is durable.
  absl::StatusOr<Revision> Record(const Caller& caller);
  void BeginSending() ABSL_LOCKS_EXCLUDED(mutex_);
  // Waits until what is being sent was sent. An error: the backup is not to go on.
  absl::Status AwaitSent(const Job& job) ABSL_LOCKS_EXCLUDED(mutex_);
  // Before the receiver is closed: waits until it sends nothing, or cuts it off.
  void AwaitIdle(const Job& job) ABSL_LOCKS_EXCLUDED(mutex_);
  void CountEnd(const absl::Status& status, bool store_failed);

  bool HasWork() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return stopping_ || job_ != nullptr; }
  bool SendingChanged() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
    return stopping_ || ticked_ || sending_ != Sending::kUnderWay;
  }
  bool IsStalled() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
    return clock_.SinceBoot() - sending_since_ > kMaxStall;
  }

  BackupSource& source_;
  const Clock& clock_;
  BackupMetrics& metrics_;
  const std::string version_;
  MutationRunner mutations_;
  std::atomic<BackupId> next_id_{1};

  absl::Mutex mutex_;
  std::shared_ptr<const Job> job_ ABSL_GUARDED_BY(mutex_);  // the one under way
  Sending sending_ ABSL_GUARDED_BY(mutex_) = Sending::kIdle;
  absl::Duration sending_since_ ABSL_GUARDED_BY(mutex_);
  bool ticked_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;

  absl::Mutex join_mutex_;
  std::thread thread_ ABSL_GUARDED_BY(join_mutex_);
};

}  // namespace claviger

#endif  // CLAVIGER_SERVER_MANAGE_BACKUP_RUNNER_H_
