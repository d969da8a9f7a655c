#include "server/manage/backup_runner.h"

#include <utility>

#include "absl/synchronization/notification.h"
#include "core/status.h"
#include "fmt/format.h"
#include "server/logging/log.h"

namespace claviger {
namespace {

constexpr absl::Duration kRetryAfter = absl::Seconds(30);

absl::Status ShuttingDown() {
  return ErrorBuilder(absl::StatusCode::kUnavailable, Reason::kShuttingDown)
      .Build("the server is stopping: this is no backup; take another when it is back");
}

absl::Status Stalled() {
  return ErrorBuilder(absl::StatusCode::kDeadlineExceeded, Reason::kDeadlineExceeded)
      .Build(fmt::format("the caller took nothing for {}: this is no backup",
                         absl::FormatDuration(BackupRunner::kMaxStall)));
}

absl::Status RequireUnbound(const Caller& caller) {
  if (caller.acts_in_all_projects()) return absl::OkStatus();
  return ErrorBuilder(absl::StatusCode::kPermissionDenied, Reason::kPermissionDenied)
      .Build("a caller that is bound to projects cannot take a backup, which has all of them");
}

}  // namespace

BackupRunner::BackupRunner(KeyStore& store, BackupSource& source, const Clock& clock,
                           BackupMetrics& metrics, std::string version)
    : source_(source),
      clock_(clock),
      metrics_(metrics),
      version_(std::move(version)),
      mutations_(store, clock) {
  absl::MutexLock lock(&join_mutex_);
  thread_ = std::thread([this] { Loop(); });
}

BackupRunner::~BackupRunner() { Stop(); }

absl::Status BackupRunner::Begin(BackupId id, std::shared_ptr<BackupReceiver> receiver,
                                 BackupParams params) {
  if (absl::Status s = RequireUnbound(params.caller); !s.ok()) return s;
  absl::MutexLock lock(&mutex_);
  if (stopping_) return ShuttingDown();
  if (job_ != nullptr) {
    return ErrorBuilder(absl::StatusCode::kResourceExhausted, Reason::kOverloaded)
        .RetryAfter(kRetryAfter)
        .Build(
            "another backup is under way, and there is one at a time: try again when it is done");
  }
  job_ = std::make_shared<Job>(Job{id, std::move(receiver), std::move(params)});
  sending_ = Sending::kIdle;
  return absl::OkStatus();
}

void BackupRunner::OnSent(BackupId id) {
  absl::MutexLock lock(&mutex_);
  if (job_ == nullptr || job_->id != id || sending_ != Sending::kUnderWay) return;
  sending_ = Sending::kIdle;
}

void BackupRunner::OnClosed(BackupId id) {
  absl::MutexLock lock(&mutex_);
  if (job_ != nullptr && job_->id == id) sending_ = Sending::kClosed;
}

void BackupRunner::Tick() {
  absl::MutexLock lock(&mutex_);
  ticked_ = true;
}

void BackupRunner::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  absl::MutexLock lock(&join_mutex_);
  if (thread_.joinable()) thread_.join();
}

void BackupRunner::Loop() {
  while (true) {
    std::shared_ptr<const Job> job;
    {
      absl::MutexLock lock(&mutex_, absl::Condition(this, &BackupRunner::HasWork));
      if (job_ == nullptr) return;
      job = job_;
    }
    absl::Status status = Serve(*job);
    AwaitIdle(*job);
    {
      absl::MutexLock lock(&mutex_);
      // Ahead of the receiver: who has seen the end of one may ask for the next.
      job_ = nullptr;
    }
    job->receiver->Close(std::move(status));
  }
}

absl::Status BackupRunner::Serve(const Job& job) {
  if (absl::Status s = AwaitSent(job); !s.ok()) return s;
  const absl::StatusOr<Revision> begun = Record(job.params.caller);
  if (!begun.ok()) {
    CountEnd(begun.status(), /*store_failed=*/true);
    return begun.status();
  }
  absl::StatusOr<std::unique_ptr<BackupStream>> stream = source_.BeginBackup(*begun, version_);
  if (!stream.ok()) {
    CountEnd(stream.status(), /*store_failed=*/true);
    return stream.status();
  }
  const BackupHeader header = (*stream)->header();
  const absl::Status status = SendAll(job, **stream);
  stream->reset();
  if (status.ok()) {
    metrics_.CountCompleted(header.create_time, header.TotalBytes());
    log::Info("a backup was sent", {{"actor", job.params.caller.actor()},
                                    {"revision", std::to_string(header.head.revision.value)},
                                    {"bytes", std::to_string(header.TotalBytes())}});
  }
  return status;
}

absl::Status BackupRunner::SendAll(const Job& job, BackupStream& stream) {
  BeginSending();
  job.receiver->SendHeader(stream.header());
  while (true) {
    absl::StatusOr<std::string> piece = stream.Next();
    if (!piece.ok()) {
      CountEnd(piece.status(), /*store_failed=*/true);
      return piece.status();
    }
    if (absl::Status s = AwaitSent(job); !s.ok()) {
      CountEnd(s, /*store_failed=*/false);
      return s;
    }
    if (piece->empty()) return absl::OkStatus();
    BeginSending();
    job.receiver->SendBytes(*std::move(piece));
  }
}

absl::StatusOr<Revision> BackupRunner::Record(const Caller& caller) {
  struct Nothing {};
  absl::StatusOr<Revision> recorded = absl::UnknownError("not answered");
  absl::Notification done;
  mutations_.Run<Nothing>(
      absl::InfiniteDuration(), /*validate_only=*/false,
      [&caller](const StateReader&, Nothing&) -> absl::StatusOr<ChangeSet> {
        ChangeSet changes;
        changes.audit = AuditOf(caller, "Backup", "", "", "");
        changes.only_audit = true;
        changes.unseen_by_verifiers = true;
        return changes;
      },
      [&](const absl::StatusOr<Nothing>& result, const Committed* committed) {
        recorded = result.ok() ? absl::StatusOr<Revision>(committed->revision) : result.status();
        done.Notify();
      });
  done.WaitForNotification();
  return recorded;
}

void BackupRunner::BeginSending() {
  absl::MutexLock lock(&mutex_);
  if (sending_ == Sending::kClosed) return;
  sending_ = Sending::kUnderWay;
  sending_since_ = clock_.SinceBoot();
}

absl::Status BackupRunner::AwaitSent(const Job& job) {
  while (true) {
    bool sent = false;
    {
      absl::MutexLock lock(&mutex_, absl::Condition(this, &BackupRunner::SendingChanged));
      ticked_ = false;
      if (sending_ == Sending::kClosed) return absl::CancelledError("the caller went away");
      if (stopping_) return ShuttingDown();
      sent = sending_ == Sending::kIdle;
      if (!sent && IsStalled()) return Stalled();
    }
    if (absl::Status s = job.params.still_allowed(); !s.ok()) return s;
    if (sent) return absl::OkStatus();
  }
}

void BackupRunner::AwaitIdle(const Job& job) {
  {
    absl::MutexLock lock(&mutex_);
    // At a stop the server cuts off what is left.
    while (sending_ == Sending::kUnderWay && !stopping_ && !IsStalled()) {
      ticked_ = false;
      mutex_.Await(absl::Condition(this, &BackupRunner::SendingChanged));
    }
    if (sending_ != Sending::kUnderWay || stopping_) return;
  }
  job.receiver->CutOff();
}

void BackupRunner::CountEnd(const absl::Status& status, bool store_failed) {
  metrics_.CountUnfinished(store_failed ? BackupOutcome::kFailed : BackupOutcome::kCutOff);
  log::Warning("a backup has not come to its end", {{"why", std::string(status.message())}});
}

}  // namespace claviger
