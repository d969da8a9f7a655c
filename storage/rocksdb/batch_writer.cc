#include "storage/rocksdb/batch_writer.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "storage/rocksdb/index_rows.h"
#include "storage/rocksdb/schema.h"

namespace claviger {
namespace {

// Where a key counts. A key with a delete time counts as deleted, whatever else it is.
uint64_t& CountOf(const KeyRecord& key, KeyCounts& counts) {
  if (key.delete_time) return counts.deleted;
  if (key.revocation) return counts.revoked;
  return key.disabled ? counts.disabled : counts.enabled;
}

// The key stands in the store from now on, or no longer does.
void CountPepper(const KeyRecord& key, PepperCounts& counts) {
  if (NeedsPepper(key)) ++counts[key.pepper_id];
}
void DiscountPepper(const KeyRecord& key, PepperCounts& counts) {
  if (!NeedsPepper(key)) return;
  if (const auto it = counts.find(key.pepper_id); --it->second == 0) counts.erase(it);
}

}  // namespace

BatchWriter::BatchWriter(Database& database, const DiskGuard& disk, const PersistedState& state,
                         bool has_imported_keys, size_t event_retention, DurableFunction on_durable)
    : database_(database),
      disk_(disk),
      event_retention_(event_retention),
      on_durable_(std::move(on_durable)),
      state_(state),
      has_imported_keys_(has_imported_keys) {}

absl::Status BatchWriter::Write(std::span<const NumberedChange> batch) {
  PersistedState next = state_;
  rocksdb::WriteBatch rows;
  bool imports = false;
  for (const NumberedChange& change : batch) {
    next.revision = change.committed.revision;
    next.highest_time = std::max(next.highest_time, change.time);
    AppendKeys(change, next, rows);
    imports |= AppendImported(change, rows);
    AppendOthers(change, rows);
    AppendHistory(change, next, rows);
  }
  TrimEvents(next, rows);
  Put(Family::kMeta, kStateRow, EncodeState(next), rows);
  if (auto status = database_.Write(rows); !status.ok()) return status;
  state_ = next;
  if (imports) has_imported_keys_.store(true, std::memory_order_release);
  on_durable_(next.revision);
  return absl::OkStatus();
}

void BatchWriter::AppendKeys(const NumberedChange& change, PersistedState& state,
                             rocksdb::WriteBatch& rows) const {
  for (size_t i = 0; i < change.committed.keys.size(); ++i) {
    const KeyRecord& key = *change.committed.keys[i];
    const KeyRecord* replaced = change.replaced_keys[i].get();
    if (replaced != nullptr) {
      --CountOf(*replaced, state.counts);
      DiscountPepper(*replaced, state.keys_by_pepper);
    }
    ++CountOf(key, state.counts);
    CountPepper(key, state.keys_by_pepper);
    AppendIndexRows(&key, replaced, rows);
    Put(Family::kKeys, key.id.text(), EncodeKey(key), rows);
  }
  for (const auto& key : change.committed.deleted_keys) {
    --CountOf(*key, state.counts);
    DiscountPepper(*key, state.keys_by_pepper);
    AppendIndexRows(nullptr, key.get(), rows);
    Delete(Family::kKeys, key->id.text(), rows);
    DeleteUsage(key->id, rows);
    Delete(Family::kLastUsed, key->id.text(), rows);
  }
}

void BatchWriter::AppendIndexRows(const KeyRecord* key, const KeyRecord* replaced,
                                  rocksdb::WriteBatch& rows) const {
  const std::optional<std::string> expiry = key != nullptr ? ExpiryRowOf(*key) : std::nullopt;
  if (replaced != nullptr) {
    const std::optional<std::string> old_expiry = ExpiryRowOf(*replaced);
    if (old_expiry && old_expiry != expiry) Delete(Family::kByExpiry, *old_expiry, rows);
  }
  if (expiry) Put(Family::kByExpiry, *expiry, ExpiryValueOf(*key), rows);

  if (key != nullptr && replaced != nullptr && HaveSameIndexRows(*key, *replaced)) return;
  const auto rows_of = [](const KeyRecord* record) {
    return record != nullptr ? IndexRowsOf(*record) : std::vector<IndexRow>();
  };
  const std::vector<IndexRow> wanted = rows_of(key);
  const std::vector<IndexRow> present = rows_of(replaced);
  std::vector<IndexRow> changed;
  std::set_difference(present.begin(), present.end(), wanted.begin(), wanted.end(),
                      std::back_inserter(changed));
  for (const IndexRow& row : changed) Delete(row.family, row.row, rows);
  changed.clear();
  std::set_difference(wanted.begin(), wanted.end(), present.begin(), present.end(),
                      std::back_inserter(changed));
  for (const IndexRow& row : changed) Put(row.family, row.row, {}, rows);
}

bool BatchWriter::AppendImported(const NumberedChange& change, rocksdb::WriteBatch& rows) const {
  bool imports = false;
  for (const ImportedIndexRow& row : ImportedIndexRowsOf(change)) {
    const std::string_view name = AsBytes(row.digest.bytes);
    if (!row.id.has_value()) {
      Delete(Family::kImported, name, rows);
      continue;
    }
    Put(Family::kImported, name, row.id->text(), rows);
    imports = true;
  }
  return imports;
}

void BatchWriter::AppendOthers(const NumberedChange& change, rocksdb::WriteBatch& rows) const {
  for (const std::string& id : change.committed.deleted_projects) {
    Delete(Family::kProjects, id, rows);
    DeleteUsage(id, rows);
  }
  for (const auto& project : change.committed.projects) {
    Put(Family::kProjects, project->project_id, EncodeProject(*project), rows);
  }
  if (change.request != nullptr) {
    Put(Family::kRequests, change.request->id, EncodeRequest(*change.request), rows);
  }
  for (const std::string& id : change.deleted_canaries) {
    Delete(Family::kMeta, std::string(kCanaryRowPrefix) + id, rows);
  }
  for (const auto& [pepper_id, digest] : change.canaries) {
    Put(Family::kMeta, std::string(kCanaryRowPrefix) + pepper_id, EncodeCanary(digest), rows);
  }
  if (change.longest_lease.has_value()) {
    Put(Family::kMeta, kLongestLeaseRow, EncodeLongestLease(*change.longest_lease), rows);
  }
}

void BatchWriter::AppendHistory(const NumberedChange& change, PersistedState& state,
                                rocksdb::WriteBatch& rows) const {
  const Revision revision = change.committed.revision;
  const std::string row = RevisionRow(revision);
  Put(Family::kEvents, row, EncodeEvent(EventOf(change.committed)), rows);
  const AuditEntry entry = AuditEntryOf(change, state.audit_head);
  Put(Family::kAudit, row, EncodeAuditEntry(entry), rows);
  state.audit_head = HashAuditEntry(entry);
}

void BatchWriter::TrimEvents(PersistedState& state, rocksdb::WriteBatch& rows) const {
  if (state.revision.value < event_retention_) return;
  const Revision first_kept{state.revision.value - event_retention_ + 1};
  while (state.first_event < first_kept) {
    Delete(Family::kEvents, RevisionRow(state.first_event), rows);
    state.first_event = state.first_event.Next();
  }
}

void BatchWriter::Put(Family family, std::string_view row, std::string_view value,
                      rocksdb::WriteBatch& rows) const {
  // Into memory; fails only above the batch's size limit, and we set none.
  rows.Put(database_.family(family), AsSlice(row), AsSlice(value)).PermitUncheckedError();
}

void BatchWriter::DeleteUsage(const UsageSubject& subject, rocksdb::WriteBatch& rows) const {
  rows.DeleteRange(database_.family(Family::kUsage), UsageRowOf(subject, 0), UsageRowsEnd(subject))
      .PermitUncheckedError();
}

void BatchWriter::Delete(Family family, std::string_view row, rocksdb::WriteBatch& rows) const {
  rows.Delete(database_.family(family), AsSlice(row)).PermitUncheckedError();
}

}  // namespace claviger
