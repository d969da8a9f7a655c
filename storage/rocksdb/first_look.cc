#include "storage/rocksdb/first_look.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "core/status.h"
#include "fmt/format.h"
#include "storage/rocksdb/codec.h"
#include "storage/rocksdb/database.h"
#include "storage/rocksdb/log_continuity.h"
#include "storage/rocksdb/schema.h"

namespace claviger {
namespace {

absl::Status Refuse(std::string message) {
  return ErrorBuilder(absl::StatusCode::kDataLoss, Reason::kDataCorrupt).Build(std::move(message));
}

// The newest revision in `family`; 0: none.
absl::StatusOr<Revision> NewestIn(const Database& database, Family family) {
  const auto it = database.NewIterator(family, rocksdb::ReadOptions());
  it->SeekToLast();
  if (!it->status().ok()) return FromRocksDb(it->status(), "read from the store");
  if (!it->Valid()) return Revision{};
  return ParseRevisionRow(AsView(it->key())).value_or(Revision{});
}

// Each family has its own tables: one of them may be behind the others.
absl::Status CheckSameRevision(const Database& database, const std::string& db_path) {
  const auto audit = NewestIn(database, Family::kAudit);
  if (!audit.ok()) return audit.status();
  const auto events = NewestIn(database, Family::kEvents);
  if (!events.ok()) return events.status();
  rocksdb::PinnableSlice version;
  const auto has_version = database.Get(Family::kMeta, kSchemaVersionRow, version);
  if (!has_version.ok()) return has_version.status();
  // Opening has a message of its own for what another version wrote.
  if (*has_version && DecodeU32(AsView(version)) != kSchemaVersion) return absl::OkStatus();
  rocksdb::PinnableSlice value;
  const auto has_state = database.Get(Family::kMeta, kStateRow, value);
  if (!has_state.ok()) return has_state.status();
  Revision state;
  bool keeps_events = false;
  if (*has_state) {
    const auto decoded = DecodeState(AsView(value));
    if (!decoded.ok()) return decoded.status();
    state = decoded->revision;
    keeps_events = decoded->first_event <= state;
  }
  if (*audit == state && (!keeps_events || *events == state)) return absl::OkStatus();
  return Refuse(
      fmt::format("the database in {} is at revision {}, but its audit log ends at {} and its "
                  "events at {}: what is stored is damaged: restore a backup",
                  db_path, state.value, audit->value, events->value));
}

// Families are made one by one, before the first change: without all of them, a first start was cut
// off, and there is nothing to look at. Opening makes the others.
absl::StatusOr<bool> HasAllFamilies(const std::string& db_path, const Tuning& tuning) {
  std::vector<std::string> names;
  const auto status = rocksdb::DB::ListColumnFamilies(tuning.db, db_path, &names);
  if (!status.ok()) return FromRocksDb(status, fmt::format("read the database in {}", db_path));
  return std::all_of(kFamilyNames.begin(), kFamilyNames.end(), [&](std::string_view family) {
    return std::find(names.begin(), names.end(), family) != names.end();
  });
}

// What the logs begin with follows what the tables have.
absl::Status CheckBegin(const Database& database, const std::string& db_path, Revision first) {
  if (first.value == 1) return absl::OkStatus();
  const Revision before{first.value - 1};
  rocksdb::PinnableSlice value;
  const auto found = database.Get(Family::kAudit, RevisionRow(before), value);
  if (!found.ok()) return found.status();
  if (*found) return absl::OkStatus();
  return Refuse(
      fmt::format("the logs in {} begin with revision {}, but revision {} is not in the tables: a "
                  "log is missing or damaged: restore a backup",
                  db_path, first.value, before.value));
}

// Reads tables and logs, up to a gap or as a whole; kGap only where it was not to stop there.
absl::StatusOr<LogState> Replay(const std::string& db_path, Tuning tuning, bool stop_at_gap) {
  const auto continuity = std::make_shared<LogContinuity>(stop_at_gap);
  tuning.SetWalFilter(continuity);
  const auto database = Database::OpenForReading(db_path, tuning);
  if (continuity->gap().has_value() && !stop_at_gap) return LogState::kGap;
  if (!database.ok()) return database.status();
  if (continuity->first().has_value()) {
    const absl::Status begin = CheckBegin(**database, db_path, *continuity->first());
    if (!begin.ok()) return begin;
  }
  if (auto status = CheckSameRevision(**database, db_path); !status.ok()) return status;
  return LogState::kWhole;
}

}  // namespace

absl::StatusOr<LogState> LookAtLogs(const std::string& db_path, const Tuning& tuning) {
  std::error_code error;
  if (!std::filesystem::exists(db_path + "/CURRENT", error)) return LogState::kWhole;
  const absl::StatusOr<bool> complete = HasAllFamilies(db_path, tuning);
  if (!complete.ok()) return complete.status();
  if (!*complete) return LogState::kWhole;
  const absl::StatusOr<LogState> logs = Replay(db_path, tuning, /*stop_at_gap=*/false);
  if (!logs.ok() || *logs == LogState::kWhole) return logs;
  // A family whose tables are of after the gap makes what is before it a mixture.
  const absl::StatusOr<LogState> before = Replay(db_path, tuning, /*stop_at_gap=*/true);
  return before.ok() ? LogState::kGap : before;
}

}  // namespace claviger
