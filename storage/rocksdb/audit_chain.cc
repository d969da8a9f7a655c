#include "storage/rocksdb/audit_chain.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "core/status.h"
#include "fmt/format.h"
#include "rocksdb/snapshot.h"
#include "storage/rocksdb/codec.h"

namespace claviger {
namespace {

absl::Status Broken(Revision revision, std::string_view what) {
  return ErrorBuilder(absl::StatusCode::kDataLoss, Reason::kDataCorrupt)
      .Build(fmt::format("the audit log is not what was written: at revision {} {}", revision.value,
                         what));
}

absl::StatusOr<AuditHead> ReadHead(const Database& database, const rocksdb::ReadOptions& options) {
  rocksdb::PinnableSlice value;
  const auto found = database.Get(Family::kMeta, kStateRow, value, options);
  if (!found.ok()) return found.status();
  const auto state = DecodeState(*found ? AsView(value) : std::string_view());
  if (!state.ok()) return state.status();
  return AuditHead{.revision = state->revision, .hash = state->audit_head};
}

absl::Status Missing(Revision revision) {
  return Broken(revision, "an entry is missing or out of place");
}

// The entry that `it` is at, which must be that of `expected`.
absl::StatusOr<AuditEntry> EntryAt(const rocksdb::Iterator& it, Revision expected) {
  const auto revision = ParseRevisionRow(AsView(it.key()));
  if (!revision || *revision != expected) return Missing(expected);
  return DecodeAuditEntry(expected, AsView(it.value()));
}

}  // namespace

absl::StatusOr<AuditHead> FindAuditHead(const Database& database) {
  return ReadHead(database, rocksdb::ReadOptions());
}

absl::StatusOr<std::vector<AuditEntry>> ReadAuditRows(const Database& database, Revision after,
                                                      size_t limit) {
  // Before the rows: all up to it are there then.
  const absl::StatusOr<AuditHead> head = FindAuditHead(database);
  if (!head.ok()) return head.status();
  std::vector<AuditEntry> entries;
  if (after >= head->revision) return entries;
  const auto it = database.NewIterator(Family::kAudit, ScanRead());
  Revision expected = after.Next();
  for (it->Seek(RevisionRow(expected)); it->Valid() && entries.size() < limit; it->Next()) {
    absl::StatusOr<AuditEntry> entry = EntryAt(*it, expected);
    if (!entry.ok()) return entry.status();
    entries.push_back(*std::move(entry));
    expected = expected.Next();
  }
  if (!it->status().ok()) return FromRocksDb(it->status(), "read the audit log");
  if (entries.size() < limit && expected <= head->revision) return Missing(expected);
  return entries;
}

absl::StatusOr<std::vector<AuditEntry>> ReadAuditRowsBackwards(const Database& database,
                                                               Revision before, size_t limit) {
  const absl::StatusOr<AuditHead> head = FindAuditHead(database);
  if (!head.ok()) return head.status();
  std::vector<AuditEntry> entries;
  if (before.value == 0) return entries;
  const auto it = database.NewIterator(Family::kAudit, ScanRead());
  Revision expected = std::min(Revision{before.value - 1}, head->revision);
  it->SeekForPrev(RevisionRow(expected));
  for (; it->Valid() && expected.value > 0 && entries.size() < limit; it->Prev()) {
    absl::StatusOr<AuditEntry> entry = EntryAt(*it, expected);
    if (!entry.ok()) return entry.status();
    entries.push_back(*std::move(entry));
    expected = Revision{expected.value - 1};
  }
  if (!it->status().ok()) return FromRocksDb(it->status(), "read the audit log");
  if (entries.size() < limit && expected.value > 0) return Missing(expected);
  return entries;
}

absl::StatusOr<AuditHead> VerifyAuditChain(const Database& database) {
  rocksdb::ManagedSnapshot snapshot(&database.db());
  rocksdb::ReadOptions options = ScanRead();
  options.snapshot = snapshot.snapshot();
  const absl::StatusOr<AuditHead> end = ReadHead(database, options);
  if (!end.ok()) return end.status();

  AuditHead head;
  const auto it = database.NewIterator(Family::kAudit, options);
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    const Revision expected = head.revision.Next();
    const absl::StatusOr<AuditEntry> entry = EntryAt(*it, expected);
    if (!entry.ok()) return entry.status();
    // Fields are hashed and not bytes: other bytes for the same fields were not written by us.
    if (EncodeAuditEntry(*entry) != AsView(it->value())) {
      return Broken(expected, "the entry is not in the form in which entries are written");
    }
    if (entry->previous_hash != head.hash) {
      return Broken(expected, "the hash of the entry before does not match");
    }
    head = {.revision = expected, .hash = HashAuditEntry(*entry)};
  }
  if (!it->status().ok()) return FromRocksDb(it->status(), "read the audit log");
  if (head != *end) return Broken(end->revision, "the last entry is missing or changed");
  return head;
}

}  // namespace claviger
