#include "storage/rocksdb/scans.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "core/status.h"
#include "fmt/format.h"
#include "rocksdb/snapshot.h"
#include "storage/rocksdb/codec.h"
#include "storage/rocksdb/index_rows.h"

namespace claviger {
namespace {

absl::Status Damaged(std::string message) {
  return ErrorBuilder(absl::StatusCode::kDataLoss, Reason::kDataCorrupt)
      .Build(std::move(message) + "; restore a backup");
}

// To the first row of `scan`.
void Position(const KeyScan& scan, std::string_view prefix, rocksdb::Iterator& it) {
  if (!scan.after.has_value()) {
    scan.oldest_first ? it.SeekToLast() : it.SeekToFirst();
    return;
  }
  const std::string after = RowByCreateTime(prefix, *scan.after);
  scan.oldest_first ? it.SeekForPrev(after) : it.Seek(after);
  if (it.Valid() && it.key() == after) scan.oldest_first ? it.Prev() : it.Next();
}

// To the first row of `scan`.
void Position(const DeletionScan& scan, rocksdb::Iterator& it) {
  if (!scan.after.has_value()) return it.SeekToFirst();
  const std::string after = ByDeleteRow(scan.after->delete_time, scan.after->id);
  it.Seek(after);
  if (it.Valid() && it.key() == after) it.Next();
}

// Of the keys that are neither revoked nor deleted.
struct ExpiredCounts {
  uint64_t enabled = 0;
  uint64_t disabled = 0;
};

absl::StatusOr<ExpiredCounts> CountExpired(const Database& database, absl::Time now,
                                           rocksdb::ReadOptions options) {
  const std::string end = ByExpiryRowsEnd(now);
  const rocksdb::Slice upper_bound = end;
  options.iterate_upper_bound = &upper_bound;
  ExpiredCounts expired;
  const auto it = database.NewIterator(Family::kByExpiry, options);
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    if (AsView(it->value()) == kExpiryEnabled) ++expired.enabled;
    if (AsView(it->value()) == kExpiryDisabled) ++expired.disabled;
  }
  if (!it->status().ok()) return FromRocksDb(it->status(), "read from the store");
  return expired;
}

}  // namespace

absl::StatusOr<KeyRecord> ReadIndexedKey(const Database& database, std::string_view index_row,
                                         const rocksdb::ReadOptions& options) {
  const auto id = KeyIdOfRow(index_row);
  if (!id) return Damaged("a row of an index has no key id");
  rocksdb::PinnableSlice value;
  const auto found = database.Get(Family::kKeys, id->text(), value, options);
  if (!found.ok()) return found.status();
  if (!*found) return Damaged(fmt::format("key {} is listed but has no record", id->text()));
  return DecodeKey(*id, AsView(value));
}

absl::Status ScanKeyRows(const Database& database, const KeyScan& scan, const KeyVisitor& visit) {
  rocksdb::ManagedSnapshot snapshot(&database.db());
  rocksdb::ReadOptions options = ScanRead();
  options.snapshot = snapshot.snapshot();
  rocksdb::ReadOptions index_options = options;
  const IndexRange range = RangeOf(scan);
  const rocksdb::Slice lower_bound = range.begin;
  const rocksdb::Slice upper_bound = range.end;
  index_options.iterate_lower_bound = &lower_bound;
  index_options.iterate_upper_bound = &upper_bound;

  const auto it = database.NewIterator(range.family, index_options);
  for (Position(scan, range.begin, *it); it->Valid(); scan.oldest_first ? it->Prev() : it->Next()) {
    const auto key = ReadIndexedKey(database, AsView(it->key()), options);
    if (absl::IsDataLoss(key.status()) && scan.unreadable) {
      const auto id = KeyIdOfRow(AsView(it->key()));
      if (!id) return key.status();
      scan.unreadable(*id, key.status());
      continue;
    }
    if (!key.ok()) return key.status();
    if (!visit(*key)) return absl::OkStatus();
  }
  return FromRocksDb(it->status(), "list keys");
}

absl::Status ScanProjectRows(const Database& database, const std::string& after,
                             const ProjectVisitor& visit) {
  const auto it = database.NewIterator(Family::kProjects, ScanRead());
  it->Seek(after);
  if (it->Valid() && it->key() == after) it->Next();
  for (; it->Valid(); it->Next()) {
    const auto project = DecodeProject(it->key().ToString(), AsView(it->value()));
    if (!project.ok()) return project.status();
    if (!visit(*project)) return absl::OkStatus();
  }
  return FromRocksDb(it->status(), "list projects");
}

absl::Status ScanDeletedKeyRows(const Database& database, const DeletionScan& scan,
                                const KeyVisitor& visit) {
  rocksdb::ManagedSnapshot snapshot(&database.db());
  rocksdb::ReadOptions options = ScanRead();
  options.snapshot = snapshot.snapshot();
  rocksdb::ReadOptions index_options = options;
  const std::string end = ByDeleteRowsEnd(scan.until);
  const rocksdb::Slice upper_bound = end;
  index_options.iterate_upper_bound = &upper_bound;

  const auto it = database.NewIterator(Family::kByDelete, index_options);
  for (Position(scan, *it); it->Valid(); it->Next()) {
    const auto key = ReadIndexedKey(database, AsView(it->key()), options);
    if (!key.ok()) return key.status();
    // Whoever goes on behind the last key takes its place from its record: with another one there
    // the scan could come back to the same keys for ever.
    if (!key->delete_time.has_value() || it->key() != ByDeleteRow(*key->delete_time, key->id)) {
      return Damaged(fmt::format("key {} is listed with another delete time", key->id.text()));
    }
    if (!visit(*key)) return absl::OkStatus();
  }
  return FromRocksDb(it->status(), "list deleted keys");
}

absl::StatusOr<std::vector<Event>> ReadEventRows(const Database& database, Revision after,
                                                 size_t limit, Revision applied) {
  std::vector<Event> events;
  if (after >= applied) return events;
  const auto it = database.NewIterator(Family::kEvents, ScanRead());
  Revision expected = after.Next();
  // Revisions are dense: a first row that is not the next one means that what was between is
  // trimmed; a gap later on cannot be.
  for (it->Seek(RevisionRow(expected)); it->Valid() && events.size() < limit; it->Next()) {
    const auto revision = ParseRevisionRow(AsView(it->key()));
    if (!revision || *revision != expected) break;
    auto event = DecodeEvent(*revision, AsView(it->value()));
    if (!event.ok()) return event.status();
    events.push_back(*std::move(event));
    expected = expected.Next();
  }
  if (!it->status().ok()) return FromRocksDb(it->status(), "read events");
  if (events.empty() && limit > 0) {
    return absl::OutOfRangeError("events behind that revision are no longer kept");
  }
  if (events.size() < limit && expected <= applied) {
    return Damaged(fmt::format("the event of revision {} is missing", expected.value));
  }
  return events;
}

absl::StatusOr<StoreStats> CountKeys(const Database& database, absl::Time now) {
  rocksdb::ManagedSnapshot snapshot(&database.db());
  rocksdb::ReadOptions options = ScanRead();
  options.snapshot = snapshot.snapshot();

  rocksdb::PinnableSlice value;
  const auto found = database.Get(Family::kMeta, kStateRow, value, options);
  if (!found.ok()) return found.status();
  const auto state = DecodeState(*found ? AsView(value) : std::string_view());
  if (!state.ok()) return state.status();
  const auto expired = CountExpired(database, now, options);
  if (!expired.ok()) return expired.status();

  const KeyCounts& counts = state->counts;
  StoreStats stats;
  stats.keys = {
      {KeyState::kActive, counts.enabled - std::min(counts.enabled, expired->enabled)},
      {KeyState::kDisabled, counts.disabled - std::min(counts.disabled, expired->disabled)},
      {KeyState::kExpired, expired->enabled + expired->disabled},
      {KeyState::kRevoked, counts.revoked},
      {KeyState::kDeleted, counts.deleted},
  };
  stats.keys_by_pepper = state->keys_by_pepper;
  return stats;
}

absl::StatusOr<std::map<std::string, uint64_t>> RecountPeppers(const Database& database) {
  std::map<std::string, uint64_t> counts;
  const auto it = database.NewIterator(Family::kKeys, ScanRead());
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    const auto id = KeyId::Parse(AsView(it->key()));
    if (!id) return Damaged("a row of family keys has no key id");
    const auto key = DecodeKey(*id, AsView(it->value()));
    if (!key.ok()) return key.status();
    if (NeedsPepper(*key)) ++counts[key->pepper_id];
  }
  if (!it->status().ok()) return FromRocksDb(it->status(), "count keys");
  return counts;
}

absl::StatusOr<std::map<std::string, uint64_t>> CountRequests(const Database& database,
                                                              absl::Time now) {
  std::map<std::string, uint64_t> counts;
  const auto it = database.NewIterator(Family::kRequests, ScanRead());
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    const auto request = DecodeRequest(it->key().ToString(), AsView(it->value()));
    if (!request.ok()) return request.status();
    if (request->expire_time > now) ++counts[request->pepper_id];
  }
  if (!it->status().ok()) return FromRocksDb(it->status(), "count requests");
  return counts;
}

}  // namespace claviger
