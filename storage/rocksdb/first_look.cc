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

// What is stored, where all of it is of the same revision: each family has its own tables, and one
// of them may be behind the others.
absl::StatusOr<std::optional<PersistedState>> ReadState(const Database& database,
                                                        const std::string& db_path) {
  const auto audit = NewestIn(database, Family::kAudit);
  if (!audit.ok()) return audit.status();
  const auto events = NewestIn(database, Family::kEvents);
  if (!events.ok()) return events.status();
  rocksdb::PinnableSlice version;
  const auto has_version = database.Get(Family::kMeta, kSchemaVersionRow, version);
  if (!has_version.ok()) return has_version.status();
  // Opening has a message of its own for what another version wrote.
  if (*has_version && DecodeU32(AsView(version)) != kSchemaVersion) return std::nullopt;
  rocksdb::PinnableSlice value;
  const auto has_state = database.Get(Family::kMeta, kStateRow, value);
  if (!has_state.ok()) return has_state.status();
  PersistedState stored;  // before the first change there is no row
  if (*has_state) {
    auto decoded = DecodeState(AsView(value));
    if (!decoded.ok()) return decoded.status();
    stored = *std::move(decoded);
  }
  const Revision state = stored.revision;
  const bool keeps_events = *has_state && stored.first_event <= state;
  if (*audit == state && (!keeps_events || *events == state)) return stored;
  return Refuse(
      fmt::format("the database in {} is at revision {}, but its audit log ends at {} and its "
                  "events at {}: what is stored is damaged: restore a backup",
                  db_path, state.value, audit->value, events->value));
}

// Families are made one by one, before the first change: without all of them, a first start was cut
// off, and there is nothing to look at; opening makes the others. Or a manifest lost its end.
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
absl::StatusOr<FirstLook> Replay(const std::string& db_path, Tuning tuning, bool stop_at_gap) {
  const auto continuity = std::make_shared<LogContinuity>(stop_at_gap);
  tuning.SetWalFilter(continuity);
  const auto database = Database::OpenForReading(db_path, tuning);
  if (continuity->gap().has_value() && !stop_at_gap) {
    return FirstLook{.logs = LogState::kGap, .state = {}};
  }
  if (!database.ok()) return database.status();
  if (continuity->first().has_value()) {
    const absl::Status begin = CheckBegin(**database, db_path, *continuity->first());
    if (!begin.ok()) return begin;
  }
  auto state = ReadState(**database, db_path);
  if (!state.ok()) return state.status();
  return FirstLook{.logs = LogState::kWhole, .state = *std::move(state)};
}

}  // namespace

absl::StatusOr<FirstLook> LookAtLogs(const std::string& db_path, const Tuning& tuning,
                                     bool was_started) {
  std::error_code error;
  if (!std::filesystem::exists(db_path + "/CURRENT", error)) return FirstLook{};
  const absl::StatusOr<bool> complete = HasAllFamilies(db_path, tuning);
  if (!complete.ok()) return complete.status();
  if (!*complete && was_started) {
    return Refuse(
        fmt::format("the database in {} lacks families that it had: its manifest is "
                    "damaged: restore a backup",
                    db_path));
  }
  if (!*complete) return FirstLook{};
  absl::StatusOr<FirstLook> look = Replay(db_path, tuning, /*stop_at_gap=*/false);
  if (!look.ok() || look->logs == LogState::kWhole) return look;
  // A family whose tables are of after the gap makes what is before it a mixture.
  const absl::StatusOr<FirstLook> before = Replay(db_path, tuning, /*stop_at_gap=*/true);
  return before.ok() ? look : before;
}

}  // namespace claviger
