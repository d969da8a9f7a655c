#include "server/manage/audit_watch.h"

#include <algorithm>
#include <utility>

#include "core/key_record.h"
#include "core/status.h"
#include "fmt/format.h"

namespace claviger {
namespace {

absl::Status ShuttingDown() {
  return ErrorBuilder(absl::StatusCode::kUnavailable, Reason::kShuttingDown)
      .Build("the server is stopping; connect again");
}

bool ChangesManagementKey(std::span<const Committed> batch) {
  const auto is_one = [](const std::shared_ptr<const KeyRecord>& key) {
    return key->project_id == kManagementProject;
  };
  return std::any_of(batch.begin(), batch.end(), [&](const Committed& committed) {
    return std::any_of(committed.keys.begin(), committed.keys.end(), is_one) ||
           std::any_of(committed.deleted_keys.begin(), committed.deleted_keys.end(), is_one);
  });
}

}  // namespace

AuditWatch::AuditWatch(const KeyStore& store) : store_(store), head_(store.applied_revision()) {
  absl::MutexLock lock(&join_mutex_);
  thread_ = std::thread([this] { Loop(); });
}

AuditWatch::~AuditWatch() { Stop(); }

absl::Status AuditWatch::Add(AuditWatchId id, std::shared_ptr<AuditStream> stream,
                             AuditWatchParams params) {
  absl::MutexLock lock(&mutex_);
  if (stopping_) return ShuttingDown();
  if (watchers_.size() >= kMaxStreams) {
    return ErrorBuilder(absl::StatusCode::kResourceExhausted, Reason::kOverloaded)
        .Build(fmt::format("{} streams watch the audit log already, the most that there may be",
                           watchers_.size()));
  }
  const auto of_actor = std::count_if(
      watchers_.begin(), watchers_.end(),
      [&params](const auto& watcher) { return watcher.second->params.actor == params.actor; });
  if (static_cast<size_t>(of_actor) >= kMaxStreamsOfActor) {
    return ErrorBuilder(absl::StatusCode::kResourceExhausted, Reason::kOverloaded)
        .Build(fmt::format("{} watches the audit log by {} streams already, the most that one "
                           "caller may have: end one of them first",
                           params.actor, of_actor));
  }
  watchers_.emplace(id, std::make_shared<Watcher>(std::move(stream), std::move(params)));
  woken_ = true;
  return absl::OkStatus();
}

void AuditWatch::OnSent(AuditWatchId id) {
  absl::MutexLock lock(&mutex_);
  const auto it = watchers_.find(id);
  if (it == watchers_.end()) return;
  it->second->ready = true;
  woken_ = true;
}

void AuditWatch::OnClosed(AuditWatchId id) {
  std::shared_ptr<Watcher> gone;  // its end is not for the lock
  absl::MutexLock lock(&mutex_);
  const auto it = watchers_.find(id);
  if (it == watchers_.end()) return;
  gone = std::move(it->second);
  watchers_.erase(it);
}

void AuditWatch::OnCommitted(std::span<const Committed> batch) {
  const bool check = ChangesManagementKey(batch);
  absl::MutexLock lock(&mutex_);
  head_ = batch.back().revision;
  if (watchers_.empty()) return;
  woken_ = true;
  check_callers_ = check_callers_ || check;
}

void AuditWatch::CheckCallers() {
  absl::MutexLock lock(&mutex_);
  if (watchers_.empty()) return;
  woken_ = true;
  check_callers_ = true;
}

void AuditWatch::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  absl::MutexLock lock(&join_mutex_);
  if (thread_.joinable()) thread_.join();
}

void AuditWatch::Loop() {
  while (true) {
    std::vector<std::pair<AuditWatchId, std::shared_ptr<Watcher>>> watchers;
    Revision head;
    bool check_callers = false;
    {
      absl::MutexLock lock(&mutex_, absl::Condition(this, &AuditWatch::HasWork));
      if (stopping_) break;
      watchers.assign(watchers_.begin(), watchers_.end());
      head = head_;
      woken_ = false;
      check_callers = std::exchange(check_callers_, false);
    }
    bool more = false;
    for (const auto& [id, watcher] : watchers) {
      more = Serve(id, *watcher, head, check_callers) || more;
    }
    if (more) {
      absl::MutexLock lock(&mutex_);
      woken_ = true;
    }
  }
  Watchers rest;
  {
    absl::MutexLock lock(&mutex_);
    rest = std::exchange(watchers_, {});
  }
  for (const auto& [id, watcher] : rest) watcher->stream->Close(ShuttingDown());
}

bool AuditWatch::Serve(AuditWatchId id, Watcher& watcher, Revision head, bool check_caller) {
  const bool has_turn = watcher.ready && (!watcher.begun || watcher.position < head);
  if (!has_turn && !check_caller) return false;
  absl::Status status = watcher.params.still_allowed();
  if (status.ok() && has_turn) {
    status = watcher.begun ? Advance(watcher) : Begin(watcher, head);
  }
  if (!status.ok()) {
    OnClosed(id);
    watcher.stream->Close(std::move(status));
    return false;
  }
  return watcher.ready && watcher.position < head;
}

absl::Status AuditWatch::Begin(Watcher& watcher, Revision head) {
  if (watcher.params.from_now) {
    watcher.position = head;
  } else if (watcher.position > head) {
    return InvalidField(
        "after_revision",
        fmt::format("must be a revision that the log has; its last is {}", head.value));
  }
  watcher.begun = true;
  Send(watcher, {{.entry = std::nullopt, .position = watcher.position}});
  return absl::OkStatus();
}

absl::Status AuditWatch::Advance(Watcher& watcher) {
  absl::StatusOr<std::vector<AuditEntry>> entries =
      store_.ReadAudit(watcher.position, kEntriesPerTurn);
  if (!entries.ok()) return entries.status();
  std::vector<AuditNews> news;
  for (AuditEntry& entry : *entries) {
    watcher.position = entry.revision;
    if (!watcher.params.selection.Matches(entry)) continue;
    news.push_back({.entry = std::move(entry), .position = watcher.position});
  }
  if (news.empty()) {
    if (watcher.position.value - watcher.told.value < kPositionEvery) return absl::OkStatus();
    news.push_back({.entry = std::nullopt, .position = watcher.position});
  }
  Send(watcher, std::move(news));
  return absl::OkStatus();
}

void AuditWatch::Send(Watcher& watcher, std::vector<AuditNews> news) {
  watcher.told = news.back().position;
  watcher.ready = false;
  watcher.stream->Send(std::move(news));
}

}  // namespace claviger
