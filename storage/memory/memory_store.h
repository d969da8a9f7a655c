// A store that forgets: the reference that other stores are tested against, and the one that unit
// tests of the server use.
#ifndef CLAVIGER_STORAGE_MEMORY_MEMORY_STORE_H_
#define CLAVIGER_STORAGE_MEMORY_MEMORY_STORE_H_

#include <atomic>
#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "core/clock.h"
#include "core/random.h"
#include "storage/group_committer.h"
#include "storage/key_store.h"
#include "storage/memory/memory_usage.h"

namespace claviger {

struct MemoryStoreOptions {
  // Not null; outlives the store.
  const Clock* clock = nullptr;
  // Not null; used by Create only. Names the epoch.
  RandomSource* random = nullptr;
  // Events kept for subscribers that resume. At least 1.
  size_t event_retention = 100'000;
  // How long counts of checks are kept.
  absl::Duration usage_retention = kDefaultUsageRetention;
  GroupCommitOptions commit;
};

// Keys in ordered maps under one lock.
//
// Thread safety: as KeyStore.
class MemoryStore final : public KeyStore, private CommitBackend {
 public:
  // UNAVAILABLE when there is no entropy for the epoch.
  static absl::StatusOr<std::unique_ptr<MemoryStore>> Create(const MemoryStoreOptions& options);
  ~MemoryStore() override;

  absl::StatusOr<std::shared_ptr<const KeyRecord>> FindKey(const KeyId& id) const override;
  absl::StatusOr<std::shared_ptr<const ProjectRecord>> FindProject(
      const std::string& project_id) const override;
  absl::StatusOr<std::optional<KeyId>> FindImported(const KeyDigest& digest) const override;
  absl::StatusOr<bool> ProjectHasKeys(const std::string& project_id) const override;
  absl::StatusOr<std::shared_ptr<const RequestRecord>> FindRequest(const std::string& id,
                                                                   absl::Time now) const override;
  absl::StatusOr<std::map<std::string, KeyDigest>> Canaries() const override;
  absl::StatusOr<absl::Duration> LongestLease() const override;

  Epoch epoch() const override { return epoch_; }
  Revision applied_revision() const override { return committer_.applied_revision(); }
  absl::Time highest_time_seen() const override { return committer_.highest_time_seen(); }
  bool has_imported_keys() const override {
    return has_imported_keys_.load(std::memory_order_acquire);
  }
  void Commit(Mutation mutation, CommitDone done) override;
  void AddListener(CommitListener* listener) override { committer_.AddListener(listener); }
  absl::Status ScanKeys(const KeyScan& scan, const KeyVisitor& visit) const override;
  absl::Status ScanExpiring(const ExpiryScan& scan, const KeyVisitor& visit) const override;
  absl::StatusOr<std::vector<uint64_t>> CountExpiring(
      absl::Time from, std::span<const absl::Time> until) const override;
  absl::Status ScanProjects(const std::string& after, const ProjectVisitor& visit) const override;
  absl::Status ScanDeletedKeys(const DeletionScan& scan, const KeyVisitor& visit) const override;
  absl::StatusOr<std::vector<Event>> ReadEvents(Revision after, size_t limit) const override;
  absl::StatusOr<std::vector<AuditEntry>> ReadAudit(Revision after, size_t limit) const override;
  absl::StatusOr<std::vector<AuditEntry>> ReadAuditBackwards(Revision before,
                                                             size_t limit) const override;
  absl::StatusOr<AuditHead> ReadAuditHead() const override;
  absl::Status AddUsage(std::span<const UsageDelta> deltas) override;
  absl::StatusOr<std::vector<UsageRow>> ReadUsage(const UsageSubject& subject, UsageHour first,
                                                  UsageHour last) const override;
  absl::StatusOr<std::vector<std::optional<LastUse>>> FindLastUses(
      std::span<const KeyId> ids) const override;
  absl::StatusOr<StoreStats> Stats(absl::Time now) const override;
  absl::StatusOr<std::map<std::string, uint64_t>> RequestsByPepper(absl::Time now) const override;
  StoreHealth health() const override { return committer_.health(); }
  void Close() override;

 private:
  // Project (empty: all), create time descending (as the time since it), id: the order of a scan.
  using ScanPosition = std::tuple<std::string, absl::Duration, KeyId>;

  MemoryStore(const Epoch& epoch, const MemoryStoreOptions& options);
  static ScanPosition PositionOf(const std::string& project_id, const KeyCursor& cursor);
  std::vector<std::shared_ptr<const KeyRecord>> KeysInOrder(const KeyScan& scan) const;
  std::vector<std::shared_ptr<const KeyRecord>> KeysInOrder(const ExpiryScan& scan) const;

  absl::Status Admit(Admission admission) override;
  absl::Status Write(std::span<const NumberedChange> batch) override;
  void Index(const KeyRecord& key) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Unindex(const KeyRecord& key) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Apply(const NumberedChange& change) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Epoch epoch_;
  const Clock& clock_;
  const size_t event_retention_;
  const absl::Duration usage_retention_;

  mutable absl::Mutex mutex_;
  std::map<KeyId, std::shared_ptr<const KeyRecord>> keys_ ABSL_GUARDED_BY(mutex_);
  std::map<Sha256Bytes, KeyId> imported_ ABSL_GUARDED_BY(mutex_);
  std::atomic<bool> has_imported_keys_{false};
  std::set<ScanPosition> by_project_ ABSL_GUARDED_BY(mutex_);
  std::set<std::pair<absl::Time, KeyId>> by_expiry_ ABSL_GUARDED_BY(mutex_);
  std::set<std::pair<absl::Time, KeyId>> by_delete_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::shared_ptr<const ProjectRecord>> projects_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::shared_ptr<const RequestRecord>> requests_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, KeyDigest> canaries_ ABSL_GUARDED_BY(mutex_);
  absl::Duration longest_lease_ ABSL_GUARDED_BY(mutex_) = absl::ZeroDuration();
  std::deque<Event> events_ ABSL_GUARDED_BY(mutex_);
  std::vector<AuditEntry> audit_ ABSL_GUARDED_BY(mutex_);  // entry n at n - 1
  AuditHead audit_head_ ABSL_GUARDED_BY(mutex_);
  MemoryUsage usage_ ABSL_GUARDED_BY(mutex_);
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;

  GroupCommitter committer_;  // last: its thread uses the members above
};

}  // namespace claviger

#endif  // CLAVIGER_STORAGE_MEMORY_MEMORY_STORE_H_
