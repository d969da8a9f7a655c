// Keys on disk, in this process.
//
//   auto store = RocksDbStore::Open({.data_dir = "data", .clock = &clock, .random = &random});
//   ...
//   (*store)->Close();
//
// Performance: a point read costs about a microsecond from the cache and one disk read otherwise; a
// commit costs one synced write, shared by all mutations that wait.
#ifndef CLAVIGER_STORAGE_ROCKSDB_ROCKSDB_STORE_H_
#define CLAVIGER_STORAGE_ROCKSDB_ROCKSDB_STORE_H_

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/backup_source.h"
#include "storage/group_committer.h"
#include "storage/key_store.h"
#include "storage/rocksdb/audit_chain.h"
#include "storage/rocksdb/backup.h"
#include "storage/rocksdb/batch_writer.h"
#include "storage/rocksdb/damaged_compactions.h"
#include "storage/rocksdb/data_dir.h"
#include "storage/rocksdb/disk_protection.h"
#include "storage/rocksdb/opening.h"
#include "storage/rocksdb/options.h"
#include "storage/rocksdb/reader.h"
#include "storage/rocksdb/usage_rows.h"
#include "storage/rocksdb/watermark.h"

namespace claviger {

// A mutation answered OK survives the death of the process, and power loss on disks that honour
// fsync. A store that lost any is not opened.
//
// Thread safety: as KeyStore. Reads are served after Close too, until destruction; no call may be
// running then.
class RocksDbStore final : public KeyStore, public BackupSource {
 public:
  // Opens the store in `options.data_dir`, or makes it. Blocks on I/O, up to seconds after a crash.
  // Errors, with a message that names the file and what to do: INVALID_ARGUMENT (an option),
  // FAILED_PRECONDITION (open elsewhere; written by a newer version), DATA_LOSS (damaged, or behind
  // its watermark), UNAVAILABLE (I/O).
  static absl::StatusOr<std::unique_ptr<RocksDbStore>> Open(const RocksDbStoreOptions& options);
  ~RocksDbStore() override;

  absl::StatusOr<std::shared_ptr<const KeyRecord>> FindKey(const KeyId& id) const override;
  absl::StatusOr<std::shared_ptr<const ProjectRecord>> FindProject(
      const std::string& project_id) const override;
  absl::StatusOr<std::optional<KeyId>> FindImported(const KeyDigest& digest) const override {
    return reader_.FindImported(digest);
  }
  absl::StatusOr<bool> ProjectHasKeys(const std::string& project_id) const override;
  absl::StatusOr<std::shared_ptr<const RequestRecord>> FindRequest(const std::string& id,
                                                                   absl::Time now) const override;
  absl::StatusOr<std::map<std::string, KeyDigest>> Canaries() const override;
  absl::StatusOr<absl::Duration> LongestLease() const override { return reader_.LongestLease(); }

  Epoch epoch() const override { return epoch_; }
  Revision applied_revision() const override { return committer_.applied_revision(); }
  absl::Time highest_time_seen() const override { return committer_.highest_time_seen(); }
  bool has_imported_keys() const override { return writer_.has_imported_keys(); }
  void Commit(Mutation mutation, CommitDone done) override;
  void AddListener(CommitListener* listener) override { committer_.AddListener(listener); }
  absl::Status ScanKeys(const KeyScan& scan, const KeyVisitor& visit) const override;
  absl::Status ScanExpiring(const ExpiryScan& scan, const KeyVisitor& visit) const override;
  absl::StatusOr<std::vector<uint64_t>> CountExpiring(
      absl::Time from, std::span<const absl::Time> until) const override;
  absl::Status ScanProjects(const std::string& after, const ProjectVisitor& visit) const override;
  absl::Status ScanDeletedKeys(const DeletionScan& scan, const KeyVisitor& visit) const override;
  absl::StatusOr<std::vector<Event>> ReadEvents(Revision after, size_t limit) const override;
  absl::StatusOr<std::vector<AuditEntry>> ReadAudit(Revision after, size_t limit) const override {
    return ReadAuditRows(*database_, after, limit);
  }
  absl::StatusOr<std::vector<AuditEntry>> ReadAuditBackwards(Revision before,
                                                             size_t limit) const override {
    return ReadAuditRowsBackwards(*database_, before, limit);
  }
  absl::StatusOr<AuditHead> ReadAuditHead() const override { return FindAuditHead(*database_); }
  absl::Status AddUsage(std::span<const UsageDelta> deltas) override;
  absl::StatusOr<std::vector<UsageRow>> ReadUsage(const UsageSubject& subject, UsageHour first,
                                                  UsageHour last) const override {
    return usage_.Read(subject, first, last);
  }
  absl::StatusOr<std::vector<std::optional<LastUse>>> FindLastUses(
      std::span<const KeyId> ids) const override {
    return usage_.FindLastUses(ids);
  }
  absl::StatusOr<StoreStats> Stats(absl::Time now) const override;
  absl::StatusOr<std::map<std::string, uint64_t>> RequestsByPepper(absl::Time now) const override;
  StoreHealth health() const override;
  absl::Status RestoreBallast() override { return disk_->guard().RestoreBallast(); }
  void Close() override;

  // REQUIRES: the streams that it gave are gone before the store is destroyed.
  absl::StatusOr<std::unique_ptr<BackupStream>> BeginBackup(Revision at_least,
                                                            std::string_view version) override;

  // Checks the whole audit log; see audit_chain.h. Blocks on I/O.
  absl::StatusOr<AuditHead> VerifyAudit() const { return VerifyAuditChain(*database_); }
  // For tests that make tables out of what is in memory.
  Database& database_for_tests() { return *database_; }

 private:
  RocksDbStore(const RocksDbStoreOptions& options, std::unique_ptr<DataDir> dir,
               std::unique_ptr<DiskProtection> disk, OpenedDatabase opened);

  // Constant after construction; destroyed from the last to the first.
  const std::unique_ptr<DataDir> dir_;
  const std::unique_ptr<DiskProtection> disk_;
  const std::unique_ptr<Database> database_;
  const std::unique_ptr<CompactionStopper> compaction_stopper_;
  const Epoch epoch_;
  const RocksDbReader reader_;
  UsageRows usage_;            // its own synchronisation
  Backups backups_;            // its own synchronisation
  BatchWriter writer_;         // the writer thread's
  GroupCommitter committer_;   // its own synchronisation
  WatermarkKeeper watermark_;  // its own synchronisation
};

}  // namespace claviger

#endif  // CLAVIGER_STORAGE_ROCKSDB_ROCKSDB_STORE_H_
