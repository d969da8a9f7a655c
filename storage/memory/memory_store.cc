#include "storage/memory/memory_store.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "core/status.h"

namespace claviger {

absl::StatusOr<std::unique_ptr<MemoryStore>> MemoryStore::Create(
    const MemoryStoreOptions& options) {
  Epoch epoch;
  if (auto status = options.random->Fill(epoch.bytes); !status.ok()) return status;
  return std::unique_ptr<MemoryStore>(new MemoryStore(epoch, options));
}

MemoryStore::MemoryStore(const Epoch& epoch, const MemoryStoreOptions& options)
    : epoch_(epoch),
      clock_(*options.clock),
      event_retention_(std::max<size_t>(options.event_retention, 1)),
      usage_retention_(options.usage_retention),
      committer_(*this, *this, *options.clock, options.commit, CommitPosition{}) {}

MemoryStore::~MemoryStore() { MemoryStore::Close(); }

void MemoryStore::Close() {
  {
    absl::MutexLock lock(&mutex_);
    closed_ = true;
  }
  committer_.Close();
}

absl::StatusOr<std::shared_ptr<const KeyRecord>> MemoryStore::FindKey(const KeyId& id) const {
  absl::ReaderMutexLock lock(&mutex_);
  const auto it = keys_.find(id);
  return it == keys_.end() ? nullptr : it->second;
}

absl::StatusOr<std::shared_ptr<const ProjectRecord>> MemoryStore::FindProject(
    const std::string& project_id) const {
  absl::ReaderMutexLock lock(&mutex_);
  const auto it = projects_.find(project_id);
  return it == projects_.end() ? nullptr : it->second;
}

absl::StatusOr<bool> MemoryStore::ProjectHasKeys(const std::string& project_id) const {
  absl::ReaderMutexLock lock(&mutex_);
  const auto it = by_project_.lower_bound({project_id, -absl::InfiniteDuration(), KeyId()});
  return it != by_project_.end() && std::get<0>(*it) == project_id;
}

absl::StatusOr<std::shared_ptr<const RequestRecord>> MemoryStore::FindRequest(
    const std::string& id, absl::Time now) const {
  absl::ReaderMutexLock lock(&mutex_);
  const auto it = requests_.find(id);
  if (it == requests_.end() || it->second->expire_time <= now) return nullptr;
  return it->second;
}

absl::StatusOr<absl::Duration> MemoryStore::LongestLease() const {
  absl::ReaderMutexLock lock(&mutex_);
  return longest_lease_;
}

absl::StatusOr<std::map<std::string, KeyDigest>> MemoryStore::Canaries() const {
  absl::ReaderMutexLock lock(&mutex_);
  return canaries_;
}

void MemoryStore::Commit(Mutation mutation, CommitDone done) {
  committer_.Commit(std::move(mutation), std::move(done));
}

MemoryStore::ScanPosition MemoryStore::PositionOf(const std::string& project_id,
                                                  const KeyCursor& cursor) {
  return {project_id, absl::UnixEpoch() - cursor.create_time, cursor.id};
}

std::vector<std::shared_ptr<const KeyRecord>> MemoryStore::KeysInOrder(const KeyScan& scan) const {
  absl::ReaderMutexLock lock(&mutex_);
  auto begin = by_project_.lower_bound({scan.project_id, -absl::InfiniteDuration(), KeyId()});
  // No project id contains a NUL, so this is the first position behind the project.
  auto end = by_project_.lower_bound({scan.project_id + '\0', -absl::InfiniteDuration(), KeyId()});
  if (scan.after.has_value()) {
    const ScanPosition after = PositionOf(scan.project_id, *scan.after);
    if (scan.oldest_first) {
      end = by_project_.lower_bound(after);
    } else {
      begin = by_project_.upper_bound(after);
    }
  }
  std::vector<std::shared_ptr<const KeyRecord>> keys;
  for (auto it = begin; it != end; ++it) keys.push_back(keys_.at(std::get<2>(*it)));
  if (scan.oldest_first) std::reverse(keys.begin(), keys.end());
  return keys;
}

absl::Status MemoryStore::ScanKeys(const KeyScan& scan, const KeyVisitor& visit) const {
  for (const auto& key : KeysInOrder(scan)) {
    if (!visit(*key)) break;
  }
  return absl::OkStatus();
}

absl::Status MemoryStore::ScanProjects(const std::string& after,
                                       const ProjectVisitor& visit) const {
  std::vector<std::shared_ptr<const ProjectRecord>> projects;
  {
    absl::ReaderMutexLock lock(&mutex_);
    for (auto it = projects_.upper_bound(after); it != projects_.end(); ++it) {
      projects.push_back(it->second);
    }
  }
  for (const auto& project : projects) {
    if (!visit(*project)) break;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Event>> MemoryStore::ReadEvents(Revision after, size_t limit) const {
  absl::ReaderMutexLock lock(&mutex_);
  if (events_.empty() || after >= events_.back().revision) return std::vector<Event>();
  const uint64_t first = events_.front().revision.value;
  if (after.Next().value < first) {
    return absl::OutOfRangeError("events behind that revision are no longer kept");
  }
  const size_t skipped = after.Next().value - first;
  const size_t count = std::min(limit, events_.size() - skipped);
  const auto begin = events_.begin() + static_cast<std::ptrdiff_t>(skipped);
  return std::vector<Event>(begin, begin + static_cast<std::ptrdiff_t>(count));
}

absl::Status MemoryStore::AddUsage(std::span<const UsageDelta> deltas) {
  const UsageHour oldest = OldestHour(clock_.Now(), usage_retention_);
  absl::MutexLock lock(&mutex_);
  if (closed_) return UsageRefusedAtStop();
  for (const UsageDelta& delta : deltas) {
    if (keys_.contains(delta.key_id)) usage_.Add(delta);
  }
  usage_.Trim(oldest);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<UsageRow>> MemoryStore::ReadUsage(const UsageSubject& subject,
                                                             UsageHour first,
                                                             UsageHour last) const {
  const UsageHour oldest = OldestHour(clock_.Now(), usage_retention_);
  absl::ReaderMutexLock lock(&mutex_);
  return usage_.Read(subject, std::max(first, oldest), last);
}

absl::StatusOr<std::vector<std::optional<LastUse>>> MemoryStore::FindLastUses(
    std::span<const KeyId> ids) const {
  std::vector<std::optional<LastUse>> found;
  absl::ReaderMutexLock lock(&mutex_);
  for (const KeyId& id : ids) found.push_back(usage_.FindLastUse(id));
  return found;
}

absl::StatusOr<StoreStats> MemoryStore::Stats(absl::Time now) const {
  StoreStats stats;
  for (KeyState state : {KeyState::kActive, KeyState::kDisabled, KeyState::kExpired,
                         KeyState::kRevoked, KeyState::kDeleted}) {
    stats.keys[state] = 0;
  }
  absl::ReaderMutexLock lock(&mutex_);
  for (const auto& [id, key] : keys_) ++stats.keys[StateOf(*key, now)];
  return stats;
}

absl::Status MemoryStore::Admit(Admission /*admission*/) { return absl::OkStatus(); }

absl::Status MemoryStore::Write(std::span<const NumberedChange> batch) {
  absl::MutexLock lock(&mutex_);
  for (const NumberedChange& change : batch) Apply(change);
  return absl::OkStatus();
}

void MemoryStore::Apply(const NumberedChange& change) {
  for (const auto& key : change.committed.keys) {
    keys_[key->id] = key;
    by_project_.insert(PositionOf(key->project_id, {key->create_time, key->id}));
  }
  for (const auto& key : change.committed.deleted_keys) {
    keys_.erase(key->id);
    usage_.Forget(key->id);
    by_project_.erase(PositionOf(key->project_id, {key->create_time, key->id}));
  }
  for (const std::string& id : change.committed.deleted_projects) {
    projects_.erase(id);
    usage_.Forget(id);
  }
  for (const auto& project : change.committed.projects) projects_[project->project_id] = project;
  if (change.request != nullptr) {
    std::erase_if(requests_,
                  [&](const auto& entry) { return entry.second->expire_time <= change.time; });
    requests_[change.request->id] = change.request;
  }
  for (const auto& [pepper_id, digest] : change.canaries) canaries_[pepper_id] = digest;
  if (change.longest_lease.has_value()) longest_lease_ = *change.longest_lease;
  events_.push_back(EventOf(change.committed));
  while (events_.size() > event_retention_) events_.pop_front();
}

}  // namespace claviger
