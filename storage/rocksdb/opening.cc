#include "storage/rocksdb/opening.h"

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "core/status.h"
#include "core/sync_messages.h"
#include "fmt/format.h"
#include "rocksdb/write_batch.h"
#include "storage/rocksdb/durable_files.h"
#include "storage/rocksdb/first_look.h"
#include "storage/rocksdb/log_continuity.h"
#include "storage/rocksdb/manifest_length.h"
#include "storage/rocksdb/scans.h"
#include "storage/rocksdb/schema.h"
#include "storage/rocksdb/tuning.h"
#include "storage/rocksdb/watermark.h"

namespace claviger {
namespace {

constexpr std::string_view kRemedy =
    "restore a backup, or, knowing that changes since then are lost and revoked keys may work "
    "again, start once with --accept-older-state, which begins a new epoch";

absl::Status Refuse(std::string message) {
  return ErrorBuilder(absl::StatusCode::kDataLoss, Reason::kDataCorrupt).Build(std::move(message));
}

absl::Status RefuseSchema(std::string message) {
  return ErrorBuilder(absl::StatusCode::kFailedPrecondition, Reason::kDataCorrupt)
      .Build(std::move(message));
}

// RocksDB would start an empty database, and delete what is left of the old one.
absl::Status CheckNotBeheaded(const std::string& db_path) {
  std::error_code error;
  if (std::filesystem::exists(db_path + "/CURRENT", error)) return absl::OkStatus();
  for (std::filesystem::directory_iterator it(db_path, error), end; !error && it != end;
       it.increment(error)) {
    const std::string extension = it->path().extension().string();
    if (extension == ".sst" || extension == ".log") {
      return Refuse(fmt::format("{} has data but no file CURRENT: restore a backup", db_path));
    }
  }
  return absl::OkStatus();
}

// Some of RocksDB's messages name no file.
absl::Status Naming(const std::string& db_path, const absl::Status& error) {
  const std::string message(error.message());
  if (!absl::IsDataLoss(error) || message.find(db_path) != std::string::npos) return error;
  return Refuse(fmt::format("the database in {}: {}", db_path, message));
}

absl::StatusOr<Epoch> NewEpoch(RandomSource& random) {
  Epoch epoch;
  if (auto status = random.Fill(epoch.bytes); !status.ok()) return status;
  return epoch;
}

// `leases_unknown`: verifiers may hold leases that this state does not tell of, as long as any.
absl::Status WriteState(Database& database, const PersistedState& state, bool leases_unknown) {
  rocksdb::WriteBatch rows;
  auto* meta = database.family(Family::kMeta);
  const auto put = [&](std::string_view row, const std::string& value) {
    return FromRocksDb(rows.Put(meta, AsSlice(row), value), "write to the store");
  };
  if (auto status = put(kSchemaVersionRow, EncodeU32(kSchemaVersion)); !status.ok()) return status;
  if (auto status = put(kStateRow, EncodeState(state)); !status.ok()) return status;
  if (leases_unknown) {
    const std::string longest = EncodeLongestLease(sync::kMaxLease + sync::kMaxStaleOnError);
    if (auto status = put(kLongestLeaseRow, longest); !status.ok()) return status;
  }
  return database.Write(rows);
}

// The stored state; nullopt in a new database.
absl::StatusOr<std::optional<PersistedState>> LoadState(const Database& database,
                                                        const std::string& db_path) {
  rocksdb::PinnableSlice version_value;
  const auto has_version = database.Get(Family::kMeta, kSchemaVersionRow, version_value);
  if (!has_version.ok()) return has_version.status();
  rocksdb::PinnableSlice state_value;
  const auto has_state = database.Get(Family::kMeta, kStateRow, state_value);
  if (!has_state.ok()) return has_state.status();
  if (!*has_version && !*has_state) return std::nullopt;

  const auto version = *has_version ? DecodeU32(AsView(version_value)) : std::nullopt;
  if (!version || !*has_state) {
    return Refuse(fmt::format("the family meta in {} is damaged: restore a backup", db_path));
  }
  if (*version > kSchemaVersion) {
    return RefuseSchema(
        fmt::format("the database in {} has schema version {}, this clavigerd knows up to {}: run "
                    "the newer version, or restore a backup made with this one",
                    db_path, *version, kSchemaVersion));
  }
  if (*version < kSchemaVersion) {
    return RefuseSchema(
        fmt::format("the database in {} has schema version {}, which was never "
                    "released: restore a backup",
                    db_path, *version));
  }
  auto state = DecodeState(AsView(state_value));
  if (!state.ok()) return state.status();
  return *std::move(state);
}

absl::StatusOr<bool> HasImportedKeys(const Database& database) {
  const auto it = database.NewIterator(Family::kImported, rocksdb::ReadOptions());
  it->SeekToFirst();
  if (!it->status().ok()) return FromRocksDb(it->status(), "read from the store");
  return it->Valid();
}

// Counts keys by pepper where the state does not tell of all that need one: it was written before
// they were counted.
absl::Status CompleteCounts(const Database& database, PersistedState& state) {
  uint64_t counted = 0;
  for (const auto& [pepper_id, keys] : state.keys_by_pepper) counted += keys;
  if (counted == state.counts.enabled + state.counts.disabled) return absl::OkStatus();
  auto recounted = RecountPeppers(database);
  if (!recounted.ok()) return recounted.status();
  // Durable with the next batch; until then every start counts.
  state.keys_by_pepper = *std::move(recounted);
  return absl::OkStatus();
}

// OK when `state` has everything that was acknowledged.
absl::Status CheckWatermark(const std::string& path, const PersistedState& state,
                            const absl::StatusOr<std::optional<Watermark>>& read) {
  if (!read.ok()) {
    if (!absl::IsDataLoss(read.status())) return read.status();
    return Refuse(fmt::format("{}, so it is unknown whether the database is complete: {}",
                              std::string(read.status().message()), kRemedy));
  }
  if (!read->has_value()) {
    if (state.revision == Revision{}) return absl::OkStatus();
    return Refuse(
        fmt::format("the watermark file {} is missing, so it is unknown whether the "
                    "database, at revision {}, is complete: {}",
                    path, state.revision.value, kRemedy));
  }
  const Watermark& watermark = **read;
  if (watermark.epoch != state.epoch) {
    return Refuse(
        fmt::format("the watermark file {} is of epoch {}, the database of epoch {}: "
                    "they do not belong together: {}",
                    path, watermark.epoch.ToHex(), state.epoch.ToHex(), kRemedy));
  }
  if (state.revision < watermark.revision) {
    return Refuse(
        fmt::format("the database is at revision {}, but revision {} was acknowledged "
                    "(watermark file {}): {}",
                    state.revision.value, watermark.revision.value, path, kRemedy));
  }
  return absl::OkStatus();
}

// Whether the database was lost as a whole: a watermark tells of one, and there is none.
absl::Status CheckNotLost(const DataDir& dir,
                          const absl::StatusOr<std::optional<Watermark>>& watermark) {
  std::error_code error;
  const bool has_watermark = !watermark.ok() || watermark->has_value();
  if (!has_watermark || std::filesystem::exists(dir.db_path() + "/CURRENT", error)) {
    return absl::OkStatus();
  }
  return Refuse(fmt::format("the watermark file {} tells of a database, but {} has none: {}",
                            dir.watermark_path(), dir.db_path(), kRemedy));
}

}  // namespace

absl::StatusOr<OpenedDatabase> OpenDatabase(const DataDir& dir, const RocksDbStoreOptions& options,
                                            DiskProtection& disk) {
  const auto watermark = ReadWatermark(dir.watermark_path(), options.file_system);
  if (auto status = CheckNotBeheaded(dir.db_path()); !status.ok()) return status;
  if (auto status = CheckNotLost(dir, watermark); !status.ok() && !options.accept_older_state) {
    return status;
  }
  Tuning tuning = MakeTuning(options.memory_bytes, *options.clock, options.usage_retention,
                             options.reduction_reserve_bytes / 4 * 3);
  tuning.db.env = &disk.env();
  const auto compactions = std::make_shared<DamagedCompactions>();
  tuning.db.listeners = {compactions};
  const absl::Status manifest = CheckManifestLength(*disk.env().GetFileSystem(), dir.db_path());
  if (!manifest.ok()) return manifest;
  const bool was_started = !watermark.ok() || watermark->has_value();
  const absl::StatusOr<FirstLook> look = LookAtLogs(dir.db_path(), tuning, was_started);
  if (!look.ok()) return Naming(dir.db_path(), look.status());
  if (look->state.has_value() && !options.accept_older_state) {
    // Before anything is changed: whoever finds the file that is missing can put it back.
    const absl::Status kept = CheckWatermark(dir.watermark_path(), *look->state, watermark);
    if (!kept.ok()) return kept;
  }
  if (look->logs == LogState::kGap) {
    if (!options.accept_older_state) {
      return Refuse(
          fmt::format("the logs in {} have a gap: changes in the middle of the history are missing "
                      "from a log that is damaged: {}",
                      dir.db_path(), kRemedy));
    }
    tuning.SetWalFilter(std::make_shared<LogContinuity>(/*stop_at_gap=*/true));
  }
  auto database = Database::Open(dir.db_path(), tuning);
  if (!database.ok()) return database.status();
  OpenedDatabase opened{.database = *std::move(database), .compaction_stopper = {}, .state = {}};
  opened.compaction_stopper = std::make_unique<CompactionStopper>(compactions, *opened.database);
  // What began with the opening is not to keep a refused start from ending.
  absl::Cleanup refused = [&disk] {
    disk.guard().StopWaiting(DiskUse::kCompaction);
    disk.guard().StopWaiting(DiskUse::kEssential);
  };
  const absl::StatusOr<bool> has_imported_keys = HasImportedKeys(*opened.database);
  if (!has_imported_keys.ok()) return Naming(dir.db_path(), has_imported_keys.status());
  opened.has_imported_keys = *has_imported_keys;

  auto loaded = LoadState(*opened.database, dir.db_path());
  if (!loaded.ok()) return Naming(dir.db_path(), loaded.status());
  const bool is_new = !loaded->has_value();
  if (!is_new) opened.state = **loaded;
  if (auto status = CompleteCounts(*opened.database, opened.state); !status.ok()) {
    return Naming(dir.db_path(), status);
  }
  const absl::Status complete = is_new && watermark.ok() && !watermark->has_value()
                                    ? absl::OkStatus()
                                    : CheckWatermark(dir.watermark_path(), opened.state, watermark);
  if (!complete.ok() && !(absl::IsDataLoss(complete) && options.accept_older_state)) {
    return complete;
  }
  // A copy of the whole directory looks complete: only whoever put it there knows, and says so.
  if (is_new || options.accept_older_state) {
    const auto epoch = NewEpoch(*options.random);
    if (!epoch.ok()) return epoch.status();
    opened.state.epoch = *epoch;
    if (auto status = WriteState(*opened.database, opened.state, options.accept_older_state);
        !status.ok()) {
      return status;
    }
  }
  if (auto status =
          NoteManifestLength(*OrTheDisk(options.file_system), dir.db_path(), opened.database->db());
      !status.ok()) {
    return status;
  }
  const Watermark reached{.epoch = opened.state.epoch, .revision = opened.state.revision};
  if (auto status = WriteWatermark(dir.watermark_path(), reached, options.file_system);
      !status.ok()) {
    return status;
  }
  std::move(refused).Cancel();
  return opened;
}

}  // namespace claviger
