#include "storage/rocksdb/expiry_scans.h"

#include <memory>
#include <string>

#include "rocksdb/snapshot.h"
#include "storage/rocksdb/scans.h"
#include "storage/rocksdb/schema.h"

namespace claviger {
namespace {

// To the first row of `scan`.
void Position(const ExpiryScan& scan, rocksdb::Iterator& it) {
  if (!scan.after.has_value()) {
    scan.latest_first ? it.SeekToLast() : it.SeekToFirst();
    return;
  }
  const std::string after = ByExpiryRow(scan.after->expire_time, scan.after->id);
  scan.latest_first ? it.SeekForPrev(after) : it.Seek(after);
  if (it.Valid() && it.key() == after) scan.latest_first ? it.Prev() : it.Next();
}

}  // namespace

absl::Status ScanExpiryRows(const Database& database, const ExpiryScan& scan,
                            const KeyVisitor& visit) {
  if (scan.from >= scan.until) return absl::OkStatus();
  rocksdb::ManagedSnapshot snapshot(&database.db());
  rocksdb::ReadOptions options = ScanRead();
  options.snapshot = snapshot.snapshot();
  rocksdb::ReadOptions index_options = options;
  const std::string begin = ByExpiryRowsBegin(scan.from);
  const std::string end = ByExpiryRowsBegin(scan.until);
  const rocksdb::Slice lower_bound = begin;
  const rocksdb::Slice upper_bound = end;
  index_options.iterate_lower_bound = &lower_bound;
  index_options.iterate_upper_bound = &upper_bound;

  const auto it = database.NewIterator(Family::kByExpiry, index_options);
  for (Position(scan, *it); it->Valid(); scan.latest_first ? it->Prev() : it->Next()) {
    const auto key = ReadIndexedKey(database, AsView(it->key()), options);
    if (!key.ok()) return key.status();
    if (!visit(*key)) return absl::OkStatus();
  }
  return FromRocksDb(it->status(), "list keys");
}

absl::StatusOr<std::vector<uint64_t>> CountExpiryRows(const Database& database, absl::Time from,
                                                      std::span<const absl::Time> until) {
  std::vector<uint64_t> counts(until.size(), 0);
  if (until.empty() || from >= until.back()) return counts;
  const std::string begin = ByExpiryRowsBegin(from);
  const std::string end = ByExpiryRowsBegin(until.back());
  const rocksdb::Slice lower_bound = begin;
  const rocksdb::Slice upper_bound = end;
  rocksdb::ReadOptions options = ScanRead();
  options.iterate_lower_bound = &lower_bound;
  options.iterate_upper_bound = &upper_bound;

  const auto it = database.NewIterator(Family::kByExpiry, options);
  it->SeekToFirst();
  uint64_t counted = 0;
  for (size_t i = 0; i < until.size(); ++i) {
    const std::string bound = ByExpiryRowsBegin(until[i]);
    for (; it->Valid() && AsView(it->key()) < bound; it->Next()) {
      if (AsView(it->value()) == kExpiryEnabled) ++counted;
    }
    counts[i] = counted;
  }
  if (!it->status().ok()) return FromRocksDb(it->status(), "count keys");
  return counts;
}

}  // namespace claviger
