#include "storage/group_committer.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <string>
#include <utility>

#include "core/status.h"
#include "fmt/format.h"
#include "storage/numbering.h"

namespace claviger {
namespace {

constexpr absl::Duration kOverloadedRetryAfter = absl::Milliseconds(250);
constexpr absl::Duration kReadOnlyRetryAfter = absl::Seconds(30);
constexpr absl::Duration kShutdownRetryAfter = absl::Seconds(1);

absl::Status Unavailable(Reason reason, absl::Duration retry_after, std::string message) {
  return ErrorBuilder(absl::StatusCode::kUnavailable, reason)
      .RetryAfter(retry_after)
      .Build(std::move(message));
}

absl::Status ReadOnlyBecause(const absl::Status& cause) {
  // What was read back wrongly when it was written is whole in the log; what is damaged on the disk
  // is met again.
  const std::string_view why =
      absl::IsDataLoss(cause)
          ? "the store takes no mutations until it is restarted, because it met damage. Where that "
            "comes again, export the audit log, which is possible still, and restore a backup "
            "with it"
          : "the store takes no mutations until it is restarted, because a write failed";
  return Unavailable(Reason::kStoreUnavailable, kReadOnlyRetryAfter,
                     fmt::format("{}: {}", why, std::string(cause.message())));
}

int64_t ToNanos(absl::Time time) {
  return time == absl::InfinitePast() ? std::numeric_limits<int64_t>::min()
                                      : absl::ToUnixNanos(time);
}

}  // namespace

GroupCommitter::GroupCommitter(const StateReader& state, CommitBackend& backend, const Clock& clock,
                               GroupCommitOptions options, const CommitPosition& position)
    : state_(state),
      backend_(backend),
      clock_(clock),
      options_(std::move(options)),
      applied_(position.applied.value),
      highest_time_ns_(ToNanos(position.highest_time)),
      completer_([this] { CompletionLoop(); }),
      writer_([this] { WriterLoop(); }) {}

GroupCommitter::~GroupCommitter() { Close(); }

void GroupCommitter::Commit(Mutation mutation, CommitDone done) {
  absl::Status refused;
  {
    absl::MutexLock lock(&mutex_);
    if (closing_) {
      refused = Unavailable(Reason::kShuttingDown, kShutdownRetryAfter, "the store is closing");
    } else if (!writable_.ok()) {
      refused = writable_;
    } else if (queue_.size() >= options_.max_queued) {
      refused = Unavailable(Reason::kOverloaded, kOverloadedRetryAfter,
                            fmt::format("{} mutations wait already", queue_.size()));
    } else {
      queue_.push_back({std::move(mutation), std::move(done)});
      return;
    }
  }
  done(std::move(refused));
}

absl::Time GroupCommitter::highest_time_seen() const {
  const int64_t nanos = highest_time_ns_.load(std::memory_order_acquire);
  return nanos == std::numeric_limits<int64_t>::min() ? absl::InfinitePast()
                                                      : absl::FromUnixNanos(nanos);
}

StoreHealth GroupCommitter::health() const {
  absl::MutexLock lock(&mutex_);
  StoreHealth health;
  health.writable = writable_;
  return health;
}

void GroupCommitter::Close() {
  {
    absl::MutexLock lock(&mutex_);
    closing_ = true;
  }
  if (writer_.joinable()) writer_.join();
  {
    absl::MutexLock lock(&completions_mutex_);
    writer_ended_ = true;
  }
  if (completer_.joinable()) completer_.join();
}

void GroupCommitter::RefuseForGood(const absl::Status& why) {
  absl::MutexLock lock(&mutex_);
  if (writable_.ok()) writable_ = ReadOnlyBecause(why);
}

void GroupCommitter::WriterLoop() {
  while (true) {
    std::vector<Pending> batch = TakeBatch();
    if (batch.empty()) return;
    RunBatch(std::move(batch));
  }
}

std::vector<GroupCommitter::Pending> GroupCommitter::TakeBatch() {
  absl::MutexLock lock(&mutex_);
  mutex_.Await(absl::Condition(this, &GroupCommitter::HasWork));
  const size_t size = std::min(queue_.size(), options_.max_batch);
  const auto end = queue_.begin() + static_cast<std::ptrdiff_t>(size);
  std::vector<Pending> batch(std::make_move_iterator(queue_.begin()), std::make_move_iterator(end));
  queue_.erase(queue_.begin(), end);
  return batch;
}

void GroupCommitter::RunBatch(std::vector<Pending> batch) {
  const absl::Duration begin = clock_.SinceBoot();
  const absl::Time now = clock_.Now();
  std::vector<NumberedChange> changes;
  std::vector<absl::StatusOr<Committed>> outcomes;
  outcomes.reserve(batch.size());

  absl::Status written = health().writable;
  if (written.ok()) {
    OverlayReader state(state_);
    for (Pending& pending : batch) {
      outcomes.push_back(RunMutation(pending.mutation, state, now, changes));
    }
    if (!changes.empty()) {
      if (const absl::Status status = backend_.Write(changes); !status.ok()) {
        RefuseForGood(status);
        written = health().writable;
      }
    }
  }
  if (!written.ok()) {
    // Also those that failed by themselves: they may have failed because of a change that is lost.
    outcomes.assign(batch.size(), written);
  } else if (!changes.empty()) {
    if (options_.observer) {
      options_.observer({.mutations = changes.size(), .latency = clock_.SinceBoot() - begin});
    }
    Publish(changes, now);
  }
  std::vector<Completion> completions;
  completions.reserve(batch.size());
  for (size_t i = 0; i < batch.size(); ++i) {
    completions.push_back({std::move(batch[i].done), std::move(outcomes[i])});
  }
  Complete(std::move(completions));
}

void GroupCommitter::Complete(std::vector<Completion> completions) {
  absl::MutexLock lock(&completions_mutex_);
  if (completions_.empty()) {
    completions_ = std::move(completions);
  } else {
    std::move(completions.begin(), completions.end(), std::back_inserter(completions_));
  }
}

void GroupCommitter::CompletionLoop() {
  while (true) {
    std::vector<Completion> completions;
    {
      absl::MutexLock lock(&completions_mutex_);
      completions_mutex_.Await(absl::Condition(this, &GroupCommitter::HasCompletions));
      completions = std::exchange(completions_, {});
    }
    if (completions.empty()) return;
    for (Completion& completion : completions) completion.done(std::move(completion.outcome));
  }
}

absl::StatusOr<Committed> GroupCommitter::RunMutation(Mutation& mutation, OverlayReader& state,
                                                      absl::Time now,
                                                      std::vector<NumberedChange>& changes) {
  const Revision seen = changes.empty() ? applied_revision() : changes.back().committed.revision;
  absl::StatusOr<ChangeSet> wanted = mutation(state);
  if (!wanted.ok()) return wanted.status();
  if (wanted->empty()) {
    Committed unchanged;
    unchanged.revision = seen;
    return unchanged;
  }
  if (absl::Status admitted = backend_.Admit(wanted->admission); !admitted.ok()) return admitted;
  absl::StatusOr<NumberedChange> numbered = Number(*std::move(wanted), seen.Next(), now, state);
  if (!numbered.ok()) return numbered.status();
  state.Apply(*numbered);
  changes.push_back(*std::move(numbered));
  return changes.back().committed;
}

void GroupCommitter::Publish(std::span<const NumberedChange> changes, absl::Time now) {
  std::vector<Committed> committed;
  committed.reserve(changes.size());
  for (const NumberedChange& change : changes) committed.push_back(change.committed);
  for (CommitListener* listener : listeners_) listener->OnCommitted(committed);

  const int64_t highest = std::max(highest_time_ns_.load(std::memory_order_relaxed), ToNanos(now));
  highest_time_ns_.store(highest, std::memory_order_release);
  applied_.store(committed.back().revision.value, std::memory_order_release);
}

}  // namespace claviger
