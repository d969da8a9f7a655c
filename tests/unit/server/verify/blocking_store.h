// A view of a store whose reads of keys can be held up, to bring about races on purpose.
#ifndef CLAVIGER_TESTS_UNIT_SERVER_VERIFY_BLOCKING_STORE_H_
#define CLAVIGER_TESTS_UNIT_SERVER_VERIFY_BLOCKING_STORE_H_

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "storage/key_store.h"

namespace claviger {

// Thread safety: as the store below; the hook is set before other threads read.
class BlockingStore final : public KeyStore {
 public:
  // `store` outlives this one.
  explicit BlockingStore(KeyStore& store) : store_(store) {}

  // Runs after each read of a key, before the reader gets what was read.
  void AfterFindKey(std::function<void()> hook) { after_find_key_ = std::move(hook); }
  // Runs before each search of a key by its digest, with the number of those before it.
  void BeforeFindImported(std::function<void(int)> hook) {
    before_find_imported_ = std::move(hook);
  }
  // From now on every read of a key, and every addition to usage, fails; with OK none.
  void FailWith(absl::Status failure) { failure_ = std::move(failure); }

  absl::StatusOr<std::shared_ptr<const KeyRecord>> FindKey(const KeyId& id) const override {
    ++key_lookups_;
    if (!failure_.ok()) return failure_;
    auto found = store_.FindKey(id);
    if (after_find_key_) after_find_key_();
    return found;
  }

  absl::StatusOr<std::shared_ptr<const ProjectRecord>> FindProject(
      const std::string& project_id) const override {
    return store_.FindProject(project_id);
  }
  absl::StatusOr<std::optional<KeyId>> FindImported(const KeyDigest& digest) const override {
    if (!failure_.ok()) return failure_;
    const int before = imported_lookups_++;
    if (before_find_imported_) before_find_imported_(before);
    return store_.FindImported(digest);
  }
  // How often a key was read.
  int key_lookups() const { return key_lookups_; }
  // How often a key was searched by its digest.
  int imported_lookups() const { return imported_lookups_; }
  absl::StatusOr<bool> ProjectHasKeys(const std::string& project_id) const override {
    return store_.ProjectHasKeys(project_id);
  }
  absl::StatusOr<std::shared_ptr<const RequestRecord>> FindRequest(const std::string& id,
                                                                   absl::Time now) const override {
    return store_.FindRequest(id, now);
  }
  absl::StatusOr<std::map<std::string, KeyDigest>> Canaries() const override {
    return store_.Canaries();
  }
  absl::StatusOr<absl::Duration> LongestLease() const override { return store_.LongestLease(); }
  Epoch epoch() const override { return store_.epoch(); }
  Revision applied_revision() const override { return store_.applied_revision(); }
  absl::Time highest_time_seen() const override { return store_.highest_time_seen(); }
  bool has_imported_keys() const override { return store_.has_imported_keys(); }
  void Commit(Mutation mutation, CommitDone done) override {
    store_.Commit(std::move(mutation), std::move(done));
  }
  void AddListener(CommitListener* listener) override { store_.AddListener(listener); }
  absl::Status ScanKeys(const KeyScan& scan, const KeyVisitor& visit) const override {
    return store_.ScanKeys(scan, visit);
  }
  absl::Status ScanExpiring(const ExpiryScan& scan, const KeyVisitor& visit) const override {
    return store_.ScanExpiring(scan, visit);
  }
  absl::StatusOr<std::vector<uint64_t>> CountExpiring(
      absl::Time from, std::span<const absl::Time> until) const override {
    return store_.CountExpiring(from, until);
  }
  absl::Status ScanProjects(const std::string& after, const ProjectVisitor& visit) const override {
    return store_.ScanProjects(after, visit);
  }
  absl::Status ScanDeletedKeys(const DeletionScan& scan, const KeyVisitor& visit) const override {
    return store_.ScanDeletedKeys(scan, visit);
  }
  absl::StatusOr<std::vector<Event>> ReadEvents(Revision after, size_t limit) const override {
    return store_.ReadEvents(after, limit);
  }
  absl::StatusOr<std::vector<AuditEntry>> ReadAudit(Revision after, size_t limit) const override {
    return store_.ReadAudit(after, limit);
  }
  absl::StatusOr<std::vector<AuditEntry>> ReadAuditBackwards(Revision before,
                                                             size_t limit) const override {
    return store_.ReadAuditBackwards(before, limit);
  }
  absl::StatusOr<AuditHead> ReadAuditHead() const override { return store_.ReadAuditHead(); }
  absl::Status AddUsage(std::span<const UsageDelta> deltas) override {
    if (!failure_.ok()) return failure_;
    return store_.AddUsage(deltas);
  }
  absl::StatusOr<std::vector<UsageRow>> ReadUsage(const UsageSubject& subject, UsageHour first,
                                                  UsageHour last) const override {
    return store_.ReadUsage(subject, first, last);
  }
  absl::StatusOr<std::vector<std::optional<LastUse>>> FindLastUses(
      std::span<const KeyId> ids) const override {
    return store_.FindLastUses(ids);
  }
  absl::StatusOr<StoreStats> Stats(absl::Time now) const override { return store_.Stats(now); }
  absl::StatusOr<std::map<std::string, uint64_t>> RequestsByPepper(absl::Time now) const override {
    return store_.RequestsByPepper(now);
  }
  StoreHealth health() const override { return store_.health(); }
  void Close() override { store_.Close(); }

 private:
  KeyStore& store_;
  std::function<void()> after_find_key_;
  std::function<void(int)> before_find_imported_;
  mutable std::atomic<int> key_lookups_{0};
  mutable std::atomic<int> imported_lookups_{0};
  absl::Status failure_;
};

}  // namespace claviger

#endif  // CLAVIGER_TESTS_UNIT_SERVER_VERIFY_BLOCKING_STORE_H_
