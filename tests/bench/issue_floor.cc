#include "tests/bench/issue_floor.h"

#include <algorithm>
#include <random>

#include "absl/time/clock.h"
#include "core/platform/system_clock.h"
#include "fmt/format.h"
#include "storage/rocksdb/tuning.h"

namespace claviger::bench {
namespace {

constexpr size_t kMemoryBytes = size_t{192} << 20;  // what clavigerd's default leaves to its store
constexpr int kSampledRows = 1000;
constexpr size_t kMaxRowBytes = 4096;
constexpr size_t kMinKeyBytes = 8;

absl::StatusOr<std::unique_ptr<Database>> OpenAt(const std::string& dir) {
  static SystemClock clock;
  return Database::Open(dir, MakeTuning(kMemoryBytes, clock));
}

RowSize MeanSize(const Database& database, Family family) {
  const auto it = database.NewIterator(family, ScanRead());
  size_t rows = 0;
  RowSize total;
  for (it->SeekToLast(); it->Valid() && rows < kSampledRows; it->Prev(), ++rows) {
    total.key_bytes += it->key().size();
    total.value_bytes += it->value().size();
  }
  if (rows == 0) return {};
  return {.key_bytes = total.key_bytes / rows, .value_bytes = total.value_bytes / rows};
}

// Incompressible, as digests and ids are.
std::string RandomBytes(size_t size) {
  std::mt19937_64 random(1);
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

bool IsOrderedByRevision(Family family) {
  return family == Family::kEvents || family == Family::kAudit;
}

// Numbers in a random order.
uint64_t Scramble(uint64_t number) { return number * 0x9E3779B97F4A7C15; }

}  // namespace

absl::StatusOr<RowSizes> MeasureRowSizes(const std::string& data_dir) {
  const auto database = OpenAt(data_dir + "/db");
  if (!database.ok()) return database.status();
  RowSizes sizes;
  // A project is written once, not with each key.
  for (const Family family : {Family::kKeys, Family::kByProject, Family::kByOwner, Family::kByLabel,
                              Family::kByExpiry, Family::kEvents, Family::kAudit}) {
    sizes[static_cast<size_t>(family)] = MeanSize(**database, family);
  }
  rocksdb::PinnableSlice state;
  const auto found = (*database)->Get(Family::kMeta, kStateRow, state);
  if (!found.ok()) return found.status();
  sizes[static_cast<size_t>(Family::kMeta)] = {.key_bytes = kStateRow.size(),
                                               .value_bytes = state.size()};
  return sizes;
}

absl::StatusOr<std::unique_ptr<IssueFloor>> IssueFloor::Open(const std::string& dir,
                                                             const RowSizes& sizes) {
  auto database = OpenAt(dir);
  if (!database.ok()) return database.status();
  return std::unique_ptr<IssueFloor>(new IssueFloor(*std::move(database), sizes));
}

IssueFloor::IssueFloor(std::unique_ptr<Database> database, const RowSizes& sizes)
    : database_(std::move(database)), sizes_(sizes), bytes_(RandomBytes(2 * kMaxRowBytes)) {}

void IssueFloor::AppendKey(rocksdb::WriteBatch& rows) {
  ++number_;
  for (size_t i = 0; i < sizes_.size(); ++i) {
    const auto family = static_cast<Family>(i);
    const RowSize& size = sizes_[i];
    if (size.key_bytes == 0 || family == Family::kMeta) continue;
    // A row's end is its number, in the order that the store's rows come in.
    const std::string end =
        RevisionRow({IsOrderedByRevision(family) ? number_ : Scramble(number_)});
    std::string key(std::max(size.key_bytes, kMinKeyBytes) - kMinKeyBytes, 'k');
    key += end;
    const size_t begin = number_ % kMaxRowBytes;
    const std::string_view value =
        std::string_view(bytes_).substr(begin, std::min(size.value_bytes, kMaxRowBytes));
    rows.Put(database_->family(family), key, AsSlice(value)).PermitUncheckedError();
  }
}

absl::StatusOr<double> IssueFloor::Run(double group, absl::Duration duration) {
  const absl::Time begin = absl::Now();
  const RowSize& state = sizes_[static_cast<size_t>(Family::kMeta)];
  const std::string_view state_value = std::string_view(bytes_).substr(0, state.value_bytes);
  double due = 0;
  uint64_t written = 0;
  absl::Duration taken;
  for (; taken < duration; taken = absl::Now() - begin) {
    rocksdb::WriteBatch rows;
    // A mean of 2.5 is 2 and 3 in turns.
    for (due += std::max(group, 1.0); due >= 1; due -= 1, ++written) AppendKey(rows);
    rows.Put(database_->family(Family::kMeta), AsSlice(kStateRow), AsSlice(state_value))
        .PermitUncheckedError();
    if (absl::Status s = database_->Write(rows); !s.ok()) return s;
  }
  return static_cast<double>(written) / absl::ToDoubleSeconds(taken);
}

}  // namespace claviger::bench
