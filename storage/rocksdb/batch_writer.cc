#include "storage/rocksdb/batch_writer.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "storage/rocksdb/audit_chain.h"
#include "storage/rocksdb/schema.h"

namespace claviger {
namespace {

// Where a key counts. A key with a delete time counts as deleted, whatever else it is.
uint64_t& CountOf(const KeyRecord& key, KeyCounts& counts) {
  if (key.delete_time) return counts.deleted;
  if (key.revocation) return counts.revoked;
  return key.disabled ? counts.disabled : counts.enabled;
}

// The key's row in `by_expiry`, where it has one.
std::optional<std::string> ExpiryRowOf(const KeyRecord& key) {
  if (!key.expire_time || key.revocation || key.delete_time) return std::nullopt;
  return ByExpiryRow(*key.expire_time, key.id);
}

}  // namespace

BatchWriter::BatchWriter(Database& database, const DiskGuard& disk, const PersistedState& state,
                         size_t event_retention, DurableFunction on_durable)
    : database_(database),
      disk_(disk),
      event_retention_(event_retention),
      on_durable_(std::move(on_durable)),
      state_(state) {}

absl::Status BatchWriter::Write(std::span<const NumberedChange> batch) {
  PersistedState next = state_;
  rocksdb::WriteBatch rows;
  for (const NumberedChange& change : batch) {
    next.revision = change.committed.revision;
    next.highest_time = std::max(next.highest_time, change.time);
    AppendKeys(change, next, rows);
    AppendOthers(change, rows);
    AppendHistory(change, next, rows);
  }
  TrimEvents(next, rows);
  Put(Family::kMeta, kStateRow, EncodeState(next), rows);
  if (auto status = database_.Write(rows); !status.ok()) return status;
  state_ = next;
  on_durable_(next.revision);
  return absl::OkStatus();
}

void BatchWriter::AppendKeys(const NumberedChange& change, PersistedState& state,
                             rocksdb::WriteBatch& rows) const {
  for (size_t i = 0; i < change.committed.keys.size(); ++i) {
    const KeyRecord& key = *change.committed.keys[i];
    const KeyRecord* replaced = change.replaced_keys[i].get();
    const std::optional<std::string> expiry_row = ExpiryRowOf(key);
    if (replaced != nullptr) {
      --CountOf(*replaced, state.counts);
      const std::optional<std::string> old_expiry_row = ExpiryRowOf(*replaced);
      if (old_expiry_row && old_expiry_row != expiry_row) {
        Delete(Family::kByExpiry, *old_expiry_row, rows);
      }
    } else {
      // Project and create time never change, so the row is written once.
      Put(Family::kByProject, ByProjectRow(key.project_id, {key.create_time, key.id}), {}, rows);
    }
    ++CountOf(key, state.counts);
    if (expiry_row) {
      Put(Family::kByExpiry, *expiry_row, key.disabled ? kExpiryDisabled : kExpiryEnabled, rows);
    }
    Put(Family::kKeys, key.id.text(), EncodeKey(key), rows);
  }
  for (const auto& key : change.committed.deleted_keys) {
    --CountOf(*key, state.counts);
    Delete(Family::kByProject, ByProjectRow(key->project_id, {key->create_time, key->id}), rows);
    if (const auto expiry_row = ExpiryRowOf(*key)) Delete(Family::kByExpiry, *expiry_row, rows);
    Delete(Family::kKeys, key->id.text(), rows);
    DeleteUsage(key->id, rows);
    Delete(Family::kLastUsed, key->id.text(), rows);
  }
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
  const std::string entry = EncodeAuditEntry({.revision = revision,
                                              .time = change.time,
                                              .draft = change.audit,
                                              .previous_hash = state.audit_head});
  Put(Family::kAudit, row, entry, rows);
  state.audit_head = HashAuditValue(entry);
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
