#include "storage/rocksdb/usage_rows.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "rocksdb/write_batch.h"
#include "storage/rocksdb/codec.h"
#include "storage/rocksdb/schema.h"
#include "storage/rocksdb/tuning.h"

namespace claviger {
namespace {

// A batch of so many keys keeps a commit that comes meanwhile from its turn for well under a
// millisecond.
constexpr size_t kKeysPerBatch = 256;

}  // namespace

absl::Status UsageRows::Add(std::span<const UsageDelta> deltas) {
  absl::MutexLock lock(&mutex_);
  if (closed_) return UsageRefusedAtStop();
  absl::Status damage;
  while (!deltas.empty()) {
    const size_t count = std::min(deltas.size(), kKeysPerBatch);
    if (auto status = AddSome(deltas.first(count), damage); !status.ok()) return status;
    deltas = deltas.subspan(count);
  }
  return damage;
}

void UsageRows::Close() {
  absl::MutexLock lock(&mutex_);
  closed_ = true;
}

absl::Status UsageRows::AddSome(std::span<const UsageDelta> deltas, absl::Status& damage) {
  rocksdb::WriteBatch rows;
  auto* usage = database_.family(Family::kUsage);
  auto* last_used = database_.family(Family::kLastUsed);
  const auto add = [&](const UsageSubject& subject, UsageHour hour, const UsageCounts& counts) {
    rows.Merge(usage, UsageRowOf(subject, hour), EncodeUsage(counts)).PermitUncheckedError();
  };
  std::map<std::pair<std::string, UsageHour>, UsageCounts> by_project;
  std::map<KeyId, LastUse> last_uses;  // a key may stand in several deltas
  std::vector<KeyId> written;
  for (const UsageDelta& delta : deltas) {
    const absl::StatusOr<bool> exists = KeyExists(delta.key_id);
    absl::StatusOr<std::optional<LastUse>> stored = std::nullopt;
    if (exists.ok() && delta.last_use.has_value() && !last_uses.contains(delta.key_id)) {
      stored = FindLastUse(delta.key_id);
    }
    if (absl::IsDataLoss(exists.status()) || absl::IsDataLoss(stored.status())) {
      damage.Update(exists.ok() ? stored.status() : exists.status());
      continue;
    }
    if (!exists.ok()) return exists.status();
    if (!stored.ok()) return stored.status();
    if (!*exists) continue;
    written.push_back(delta.key_id);
    if (!delta.counts.empty()) {
      add(delta.key_id, delta.hour, delta.counts);
      by_project[{delta.project_id, delta.hour}].Add(delta.counts);
    }
    if (!delta.last_use.has_value()) continue;
    const auto known =
        last_uses.try_emplace(delta.key_id, stored->value_or(LastUse{.time = absl::InfinitePast()}))
            .first;
    if (delta.last_use->time <= known->second.time) continue;
    known->second = *delta.last_use;
    rows.Put(last_used, AsSlice(delta.key_id.text()), EncodeLastUse(*delta.last_use))
        .PermitUncheckedError();
  }
  for (const auto& [row, counts] : by_project) add(row.first, row.second, counts);
  if (auto status = Write(rows); !status.ok()) return status;

  // A key may have gone for good since it was looked up, and its rows with it, before these were
  // written. One that goes from now on takes them along.
  rocksdb::WriteBatch leftovers;
  for (const KeyId& id : written) {
    const absl::StatusOr<bool> exists = KeyExists(id);
    if (!exists.ok()) return exists.status();
    if (*exists) continue;
    leftovers.DeleteRange(usage, UsageRowOf(id, 0), UsageRowsEnd(id)).PermitUncheckedError();
    leftovers.Delete(last_used, AsSlice(id.text())).PermitUncheckedError();
  }
  return Write(leftovers);
}

absl::StatusOr<bool> UsageRows::KeyExists(const KeyId& id) const {
  rocksdb::PinnableSlice value;
  return database_.Get(Family::kKeys, id.text(), value);
}

absl::Status UsageRows::Write(rocksdb::WriteBatch& rows) {
  if (rows.Count() == 0) return absl::OkStatus();
  rocksdb::WriteOptions options;  // without sync: the next commit's covers it
  // Where writing must slow down, this is what waits.
  options.low_pri = true;
  return FromRocksDb(database_.db().Write(options, &rows), "write to the store");
}

absl::StatusOr<std::vector<UsageRow>> UsageRows::Read(const UsageSubject& subject, UsageHour first,
                                                      UsageHour last) const {
  std::vector<UsageRow> found;
  first = std::max(first, OldestHour(clock_.Now(), retention_));
  if (first > last) return found;
  const std::string begin = UsageRowOf(subject, first);
  const std::string end = UsageRowOf(subject, last) + '\x00';
  const rocksdb::Slice upper_bound = end;
  rocksdb::ReadOptions options = ScanRead();
  options.iterate_upper_bound = &upper_bound;
  const auto it = database_.NewIterator(Family::kUsage, options);
  for (it->Seek(begin); it->Valid(); it->Next()) {
    const std::optional<UsageHour> hour = HourOfUsageRow(AsView(it->key()));
    if (!hour.has_value()) continue;  // ours by its bounds, so it has one
    const absl::StatusOr<UsageCounts> counts = DecodeUsage(AsView(it->value()));
    if (!counts.ok()) return counts.status();
    found.push_back({.hour = *hour, .counts = *counts});
  }
  if (!it->status().ok()) return FromRocksDb(it->status(), "read usage");
  return found;
}

absl::StatusOr<std::optional<LastUse>> UsageRows::FindLastUse(const KeyId& id) const {
  rocksdb::PinnableSlice value;
  const absl::StatusOr<bool> exists = database_.Get(Family::kLastUsed, id.text(), value);
  if (!exists.ok()) return exists.status();
  if (!*exists) return std::nullopt;
  absl::StatusOr<LastUse> use = DecodeLastUse(id, AsView(value));
  if (!use.ok()) return use.status();
  return *std::move(use);
}

absl::StatusOr<std::vector<std::optional<LastUse>>> UsageRows::FindLastUses(
    std::span<const KeyId> ids) const {
  std::vector<std::optional<LastUse>> found;
  found.reserve(ids.size());
  for (const KeyId& id : ids) {
    absl::StatusOr<std::optional<LastUse>> use = FindLastUse(id);
    if (!use.ok()) return use.status();
    found.push_back(*std::move(use));
  }
  return found;
}

}  // namespace claviger
