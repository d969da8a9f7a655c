#include "storage/rocksdb/rocksdb_store.h"

#include <utility>

#include "core/status.h"
#include "fmt/format.h"
#include "rocksdb/convenience.h"
#include "storage/rocksdb/durable_files.h"
#include "storage/rocksdb/expiry_scans.h"
#include "storage/rocksdb/restore_folder.h"
#include "storage/rocksdb/scans.h"
#include "storage/rocksdb/torn_ends.h"
#include "storage/rocksdb/unreadable_tables.h"

namespace claviger {

absl::StatusOr<std::unique_ptr<RocksDbStore>> RocksDbStore::Open(
    const RocksDbStoreOptions& options) {
  if (auto status = options.Validate(); !status.ok()) return status;
  auto dir = DataDir::Open(options.data_dir, options.file_system);
  if (!dir.ok()) return dir.status();
  if (auto status = CheckNotBeingRestored(**dir); !status.ok()) return status;
  if (auto status = RemoveLeftCheckpoint(**dir); !status.ok()) return status;
  auto files = WithoutTornEnds(OrTheDisk(options.file_system), (*dir)->db_path());
  if (!files.ok()) return files.status();
  auto disk = DiskProtection::Create(**dir, options, WithUnreadableAsDamage(*files));
  if (!disk.ok()) return disk.status();
  auto opened = OpenDatabase(**dir, options, **disk);
  if (!opened.ok()) return opened.status();
  return std::unique_ptr<RocksDbStore>(
      new RocksDbStore(options, *std::move(dir), *std::move(disk), *std::move(opened)));
}

RocksDbStore::RocksDbStore(const RocksDbStoreOptions& options, std::unique_ptr<DataDir> dir,
                           std::unique_ptr<DiskProtection> disk, OpenedDatabase opened)
    : dir_(std::move(dir)),
      disk_(std::move(disk)),
      database_(std::move(opened.database)),
      compaction_stopper_(std::move(opened.compaction_stopper)),
      epoch_(opened.state.epoch),
      reader_(*database_),
      usage_(*database_, *options.clock, options.usage_retention),
      backups_(*dir_, *database_, disk_->guard(), *options.clock),
      writer_(*database_, disk_->guard(), opened.state, opened.has_imported_keys,
              options.event_retention, [this](Revision revision) { watermark_.Advance(revision); }),
      committer_(reader_, writer_, *options.clock, options.commit,
                 {.applied = opened.state.revision, .highest_time = opened.state.highest_time}),
      watermark_(
          dir_->watermark_path(), {epoch_, opened.state.revision}, options.watermark_interval,
          [this](const absl::Status& why) { committer_.RefuseForGood(why); },
          [this, files = options.file_system](const std::string& path, const Watermark& watermark) {
            return disk_->guard().WriteSmallFile(
                [&] { return WriteWatermark(path, watermark, files); });
          }) {}

RocksDbStore::~RocksDbStore() {
  RocksDbStore::Close();
  // The database waits for what runs, and that must not wait for a disk.
  rocksdb::CancelAllBackgroundWork(&database_->db(), /*wait=*/false);
  disk_->guard().StopWaiting(DiskUse::kCompaction);
}

absl::StatusOr<std::shared_ptr<const KeyRecord>> RocksDbStore::FindKey(const KeyId& id) const {
  return reader_.FindKey(id);
}

absl::StatusOr<std::shared_ptr<const ProjectRecord>> RocksDbStore::FindProject(
    const std::string& project_id) const {
  return reader_.FindProject(project_id);
}

absl::StatusOr<bool> RocksDbStore::ProjectHasKeys(const std::string& project_id) const {
  return reader_.ProjectHasKeys(project_id);
}

absl::StatusOr<std::shared_ptr<const RequestRecord>> RocksDbStore::FindRequest(
    const std::string& id, absl::Time now) const {
  return reader_.FindRequest(id, now);
}

absl::StatusOr<std::map<std::string, KeyDigest>> RocksDbStore::Canaries() const {
  return reader_.Canaries();
}

void RocksDbStore::Commit(Mutation mutation, CommitDone done) {
  committer_.Commit(std::move(mutation), std::move(done));
}

absl::Status RocksDbStore::ScanKeys(const KeyScan& scan, const KeyVisitor& visit) const {
  return ScanKeyRows(*database_, scan, visit);
}

absl::Status RocksDbStore::ScanExpiring(const ExpiryScan& scan, const KeyVisitor& visit) const {
  return ScanExpiryRows(*database_, scan, visit);
}

absl::StatusOr<std::vector<uint64_t>> RocksDbStore::CountExpiring(
    absl::Time from, std::span<const absl::Time> until) const {
  return CountExpiryRows(*database_, from, until);
}

absl::Status RocksDbStore::ScanProjects(const std::string& after,
                                        const ProjectVisitor& visit) const {
  return ScanProjectRows(*database_, after, visit);
}

absl::Status RocksDbStore::ScanDeletedKeys(const DeletionScan& scan,
                                           const KeyVisitor& visit) const {
  return ScanDeletedKeyRows(*database_, scan, visit);
}

absl::StatusOr<std::vector<Event>> RocksDbStore::ReadEvents(Revision after, size_t limit) const {
  return ReadEventRows(*database_, after, limit, applied_revision());
}

absl::Status RocksDbStore::AddUsage(std::span<const UsageDelta> deltas) {
  if (auto status = committer_.health().writable; !status.ok()) return status;
  if (auto status = disk_->guard().Admit(Admission::kGrowth); !status.ok()) return status;
  return usage_.Add(deltas);
}

StoreHealth RocksDbStore::health() const {
  StoreHealth health = committer_.health();
  disk_->guard().Describe(health);
  health.damage = compaction_stopper_->damage();
  return health;
}

absl::StatusOr<std::unique_ptr<BackupStream>> RocksDbStore::BeginBackup(Revision at_least,
                                                                        std::string_view version) {
  // It would be refused when it is restored, and have pushed out one that is whole by then.
  if (auto damage = compaction_stopper_->damage(); !damage.ok()) {
    return ErrorBuilder(absl::StatusCode::kDataLoss, Reason::kDataCorrupt)
        .Build(fmt::format("a backup of a damaged store cannot be restored: {}",
                           std::string(damage.message())));
  }
  return backups_.Begin(at_least, version);
}

absl::StatusOr<StoreStats> RocksDbStore::Stats(absl::Time now) const {
  auto stats = CountKeys(*database_, now);
  if (!stats.ok()) return stats.status();
  const auto free_bytes = FreeBytes(dir_->path());
  if (!free_bytes.ok()) return free_bytes.status();
  stats->bytes_on_disk = BytesIn(dir_->db_path());
  stats->free_bytes = *free_bytes;
  return stats;
}

absl::StatusOr<std::map<std::string, uint64_t>> RocksDbStore::RequestsByPepper(
    absl::Time now) const {
  return CountRequests(*database_, now);
}

void RocksDbStore::Close() {
  // What has no room now is not to keep the process from ending.
  disk_->guard().StopWaiting(DiskUse::kEssential);
  usage_.Close();
  committer_.Close();
  watermark_.Close();
}

}  // namespace claviger
