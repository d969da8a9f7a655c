#include "storage/memory/memory_store.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "core/status.h"

namespace claviger {
namespace {

bool HasLabel(const KeyRecord& key, const std::pair<std::string, std::string>& label) {
  const auto it = key.labels.find(label.first);
  return it != key.labels.end() && it->second == label.second;
}

}  // namespace

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

absl::StatusOr<std::optional<KeyId>> MemoryStore::FindImported(const KeyDigest& digest) const {
  absl::ReaderMutexLock lock(&mutex_);
  const auto it = imported_.find(digest.bytes);
  return it == imported_.end() ? std::nullopt : std::optional(it->second);
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
  for (auto it = begin; it != end; ++it) {
    const std::shared_ptr<const KeyRecord>& key = keys_.at(std::get<2>(*it));
    if (scan.owner.has_value() && key->owner != *scan.owner) continue;
    if (scan.label.has_value() && !HasLabel(*key, *scan.label)) continue;
    keys.push_back(key);
  }
  if (scan.oldest_first) std::reverse(keys.begin(), keys.end());
  return keys;
}

absl::Status MemoryStore::ScanKeys(const KeyScan& scan, const KeyVisitor& visit) const {
  for (const auto& key : KeysInOrder(scan)) {
    if (!visit(*key)) break;
  }
  return absl::OkStatus();
}

std::vector<std::shared_ptr<const KeyRecord>> MemoryStore::KeysInOrder(
    const ExpiryScan& scan) const {
  absl::ReaderMutexLock lock(&mutex_);
  std::vector<std::shared_ptr<const KeyRecord>> keys;
  if (scan.from >= scan.until) return keys;
  // No key has the id of 16 zeros, so these lie before all of their moment.
  auto begin = by_expiry_.lower_bound({scan.from, KeyId()});
  auto end = by_expiry_.lower_bound({scan.until, KeyId()});
  for (auto it = begin; it != end; ++it) {
    if (scan.after.has_value()) {
      const std::pair<absl::Time, KeyId> after(scan.after->expire_time, scan.after->id);
      if (scan.latest_first ? *it >= after : *it <= after) continue;
    }
    keys.push_back(keys_.at(it->second));
  }
  if (scan.latest_first) std::reverse(keys.begin(), keys.end());
  return keys;
}

absl::Status MemoryStore::ScanExpiring(const ExpiryScan& scan, const KeyVisitor& visit) const {
  for (const auto& key : KeysInOrder(scan)) {
    if (!visit(*key)) break;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<uint64_t>> MemoryStore::CountExpiring(
    absl::Time from, std::span<const absl::Time> until) const {
  std::vector<uint64_t> counts;
  for (const absl::Time end : until) {
    const auto keys = KeysInOrder(ExpiryScan{.from = from, .until = end, .after = std::nullopt});
    counts.push_back(std::count_if(keys.begin(), keys.end(), [](const auto& key) {
      return !key->disabled && !key->revocation.has_value() && !key->delete_time.has_value();
    }));
  }
  return counts;
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

absl::Status MemoryStore::ScanDeletedKeys(const DeletionScan& scan, const KeyVisitor& visit) const {
  std::vector<std::shared_ptr<const KeyRecord>> keys;
  {
    absl::ReaderMutexLock lock(&mutex_);
    auto it = by_delete_.begin();
    if (scan.after.has_value()) {
      it = by_delete_.upper_bound({scan.after->delete_time, scan.after->id});
    }
    for (; it != by_delete_.end() && it->first <= scan.until; ++it) {
      keys.push_back(keys_.at(it->second));
    }
  }
  for (const auto& key : keys) {
    if (!visit(*key)) break;
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

absl::StatusOr<std::vector<AuditEntry>> MemoryStore::ReadAudit(Revision after, size_t limit) const {
  absl::ReaderMutexLock lock(&mutex_);
  const size_t begin = std::min<size_t>(after.value, audit_.size());
  const size_t end = begin + std::min(limit, audit_.size() - begin);
  return std::vector<AuditEntry>(audit_.begin() + static_cast<std::ptrdiff_t>(begin),
                                 audit_.begin() + static_cast<std::ptrdiff_t>(end));
}

absl::StatusOr<std::vector<AuditEntry>> MemoryStore::ReadAuditBackwards(Revision before,
                                                                        size_t limit) const {
  absl::ReaderMutexLock lock(&mutex_);
  std::vector<AuditEntry> entries;
  size_t left = before.value == 0 ? 0 : std::min<size_t>(before.value - 1, audit_.size());
  for (; left > 0 && entries.size() < limit; --left) entries.push_back(audit_[left - 1]);
  return entries;
}

absl::StatusOr<AuditHead> MemoryStore::ReadAuditHead() const {
  absl::ReaderMutexLock lock(&mutex_);
  return audit_head_;
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
  for (const auto& [id, key] : keys_) {
    ++stats.keys[StateOf(*key, now)];
    if (NeedsPepper(*key)) ++stats.keys_by_pepper[key->pepper_id];
  }
  return stats;
}

absl::StatusOr<std::map<std::string, uint64_t>> MemoryStore::RequestsByPepper(
    absl::Time now) const {
  std::map<std::string, uint64_t> requests;
  absl::ReaderMutexLock lock(&mutex_);
  for (const auto& [id, request] : requests_) {
    if (request->expire_time > now) ++requests[request->pepper_id];
  }
  return requests;
}

absl::Status MemoryStore::Admit(Admission /*admission*/) { return absl::OkStatus(); }

absl::Status MemoryStore::Write(std::span<const NumberedChange> batch) {
  absl::MutexLock lock(&mutex_);
  for (const NumberedChange& change : batch) Apply(change);
  return absl::OkStatus();
}

void MemoryStore::Index(const KeyRecord& key) {
  for (const std::string& project_id : {std::string(), key.project_id}) {
    by_project_.insert(PositionOf(project_id, {key.create_time, key.id}));
  }
  if (key.expire_time.has_value()) by_expiry_.emplace(*key.expire_time, key.id);
  if (key.delete_time.has_value()) by_delete_.emplace(*key.delete_time, key.id);
}

void MemoryStore::Unindex(const KeyRecord& key) {
  for (const std::string& project_id : {std::string(), key.project_id}) {
    by_project_.erase(PositionOf(project_id, {key.create_time, key.id}));
  }
  if (key.expire_time.has_value()) by_expiry_.erase({*key.expire_time, key.id});
  if (key.delete_time.has_value()) by_delete_.erase({*key.delete_time, key.id});
}

void MemoryStore::Apply(const NumberedChange& change) {
  for (const auto& replaced : change.replaced_keys) {
    if (replaced != nullptr) Unindex(*replaced);
  }
  for (const ImportedIndexRow& row : ImportedIndexRowsOf(change)) {
    if (!row.id.has_value()) {
      imported_.erase(row.digest.bytes);
      continue;
    }
    imported_[row.digest.bytes] = *row.id;
    has_imported_keys_.store(true, std::memory_order_release);
  }
  for (const auto& key : change.committed.keys) {
    keys_[key->id] = key;
    Index(*key);
  }
  for (const auto& key : change.committed.deleted_keys) {
    keys_.erase(key->id);
    Unindex(*key);
    usage_.Forget(key->id);
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
  for (const std::string& id : change.deleted_canaries) canaries_.erase(id);
  for (const auto& [pepper_id, digest] : change.canaries) canaries_[pepper_id] = digest;
  if (change.longest_lease.has_value()) longest_lease_ = *change.longest_lease;
  audit_.push_back(AuditEntryOf(change, audit_head_.hash));
  audit_head_ = {.revision = change.committed.revision, .hash = HashAuditEntry(audit_.back())};
  events_.push_back(EventOf(change.committed));
  while (events_.size() > event_retention_) events_.pop_front();
}

}  // namespace claviger
