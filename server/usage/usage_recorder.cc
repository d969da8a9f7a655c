#include "server/usage/usage_recorder.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/hash/hash.h"
#include "absl/synchronization/mutex.h"
#include "server/metrics/striped.h"

namespace claviger {
namespace {

constexpr size_t kLineBytes = 64;
constexpr size_t kFewestCells = 256;
// A table that was less full than this is followed by a smaller one.
constexpr size_t kShrinkBelow = 16;

size_t HashOf(const KeyId& id) { return absl::Hash<KeyId>()(id); }

}  // namespace

// What every check of a key writes: one line of memory.
struct alignas(kLineBytes) UsageRecorder::Cell {
  static constexpr uint32_t kFree = std::numeric_limits<uint32_t>::max();

  KeyId id;
  UsageHour hour = 0;
  uint32_t rest = kFree;  // where its Rest is; kFree: the cell is
  uint32_t valid = 0;     // checks that found it good here
  bool good = false;      // the following are set
  uint16_t last_by = 0;   // of Callers
  std::optional<IpAddress> last_address;
  int64_t last_nanos = 0;
};

// What few checks write.
struct UsageRecorder::Rest {
  std::shared_ptr<const KeyRecord> key;
  UsageCounts counts;  // denials, and what was counted elsewhere
};

// Cells by key and hour; open addressing, at most half full. The hours of a key stand together.
class UsageRecorder::Table {
 public:
  explicit Table(size_t cells) : cells_(cells) { rests_.reserve(cells / 2); }

  static_assert(sizeof(Cell) == kLineBytes);

  // Null: not there.
  Cell* Find(const KeyId& id, UsageHour hour) {
    Cell& cell = At(id, hour);
    return cell.rest == Cell::kFree ? nullptr : &cell;
  }
  // REQUIRES: it is not there, and IsFull() is false.
  Cell& Insert(const std::shared_ptr<const KeyRecord>& key, UsageHour hour) {
    Cell& cell = At(key->id, hour);
    cell.id = key->id;
    cell.hour = hour;
    cell.rest = static_cast<uint32_t>(rests_.size());
    rests_.push_back({.key = key, .counts = {}});
    return cell;
  }
  bool IsFull() const { return 2 * (rests_.size() + 1) > cells_.size(); }
  void Grow() {
    std::vector<Cell> old(2 * cells_.size());
    old.swap(cells_);
    for (const Cell& cell : old) {
      if (cell.rest != Cell::kFree) At(cell.id, cell.hour) = cell;
    }
    rests_.reserve(cells_.size() / 2);
  }

  Rest& RestOf(const Cell& cell) { return rests_[cell.rest]; }
  size_t used() const { return rests_.size(); }
  size_t size() const { return cells_.size(); }
  const std::vector<Cell>& cells() const { return cells_; }

 private:
  // Where it is, or would be.
  Cell& At(const KeyId& id, UsageHour hour) {
    const size_t mask = cells_.size() - 1;
    size_t i = HashOf(id) & mask;
    while (cells_[i].rest != Cell::kFree && (cells_[i].id != id || cells_[i].hour != hour)) {
      i = (i + 1) & mask;
    }
    return cells_[i];
  }

  std::vector<Cell> cells_;  // a power of two
  std::vector<Rest> rests_;
};

// Numbers for who asks. There are as many as there are verifying services: few.
class UsageRecorder::Callers {
 public:
  // 0, which is nobody, once there is no number left.
  uint16_t NumberOf(const UsedBy& by) {
    // Most often the one that asked last.
    if (last_ != 0 && Is(names_[last_], by)) return last_;
    std::string name(by.kind);
    name.append(by.name);
    return last_ = NumberOf(std::move(name));
  }
  uint16_t NumberOf(std::string name) {
    if (const auto it = numbers_.find(name); it != numbers_.end()) return it->second;
    if (names_.size() > std::numeric_limits<uint16_t>::max()) return 0;
    const auto number = static_cast<uint16_t>(names_.size());
    names_.push_back(name);
    numbers_.emplace(std::move(name), number);
    return number;
  }
  std::vector<std::string> names() const { return names_; }

 private:
  static bool Is(const std::string& name, const UsedBy& by) {
    return name.size() == by.kind.size() + by.name.size() && name.starts_with(by.kind) &&
           name.ends_with(by.name);
  }

  uint16_t last_ = 0;
  std::vector<std::string> names_ = {""};
  absl::flat_hash_map<std::string, uint16_t> numbers_;
};

struct alignas(kLineBytes) UsageRecorder::Stripe {
  absl::Mutex mutex;
  std::unique_ptr<Table> table ABSL_GUARDED_BY(mutex) = std::make_unique<Table>(kFewestCells);
  Callers callers ABSL_GUARDED_BY(mutex);
  // Of the table, for Prefetch, which follows no pointer: they may be of one that is gone.
  std::atomic<const Cell*> cells{nullptr};
  std::atomic<size_t> mask{0};

  // The cell for a key and an hour; null: there would be more than `max_cells`.
  Cell* CellFor(const std::shared_ptr<const KeyRecord>& key, UsageHour hour, size_t max_cells)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    if (Cell* const cell = table->Find(key->id, hour); cell != nullptr) return cell;
    if (table->used() >= max_cells) return nullptr;
    if (table->IsFull()) table->Grow();
    Publish();
    return &table->Insert(key, hour);
  }
  bool IsCrowded(size_t max_cells) const ABSL_SHARED_LOCKS_REQUIRED(mutex) {
    return table->used() >= max_cells - max_cells / 4;
  }

  void Publish() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    cells.store(table->cells().data(), std::memory_order_relaxed);
    mask.store(table->size() - 1, std::memory_order_relaxed);
  }
};

UsageRecorder::UsageRecorder(size_t max_keys)
    : max_cells_(std::max<size_t>(1, max_keys / StripeCount())) {
  for (size_t i = 0; i < StripeCount(); ++i) stripes_.push_back(std::make_unique<Stripe>());
}

UsageRecorder::~UsageRecorder() = default;

void UsageRecorder::Prefetch(const KeyId& id) const {
  const Stripe& stripe = *stripes_[StripeOfThisThread()];
  const Cell* const cells = stripe.cells.load(std::memory_order_relaxed);
  if (cells == nullptr) return;
  const size_t offset = (HashOf(id) & stripe.mask.load(std::memory_order_relaxed)) * sizeof(Cell);
  __builtin_prefetch(reinterpret_cast<const void*>(reinterpret_cast<uintptr_t>(cells) + offset), 1);
}

void UsageRecorder::Count(const std::shared_ptr<const KeyRecord>& key, VerifyCode code,
                          const std::optional<IpAddress>& address, const UsedBy& by,
                          absl::Time now) {
  const UsageHour hour = HourOf(now);
  Stripe& stripe = *stripes_[StripeOfThisThread()];
  absl::MutexLock lock(&stripe.mutex);
  Cell* const cell = stripe.CellFor(key, hour, max_cells_);
  if (stripe.IsCrowded(max_cells_)) crowded_.store(true, std::memory_order_relaxed);
  if (cell == nullptr) {
    dropped_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  if (code != VerifyCode::kValid) {
    stripe.table->RestOf(*cell).counts.Add(code, 1);
    return;
  }
  if (cell->valid == std::numeric_limits<uint32_t>::max()) {
    stripe.table->RestOf(*cell).counts.Add(code, std::exchange(cell->valid, 0));
  }
  ++cell->valid;
  const int64_t nanos = absl::ToUnixNanos(now);
  if (cell->good && nanos < cell->last_nanos) return;
  cell->good = true;
  cell->last_nanos = nanos;
  cell->last_address = address;
  cell->last_by = stripe.callers.NumberOf(by);
}

void UsageRecorder::Add(const std::shared_ptr<const KeyRecord>& key, const UsageCounts& counts,
                        const std::optional<LastUse>& last_use, absl::Time now) {
  if (counts.empty()) return;
  Stripe& stripe = *stripes_[StripeOfThisThread()];
  absl::MutexLock lock(&stripe.mutex);
  Cell* const cell = stripe.CellFor(key, HourOf(now), max_cells_);
  if (stripe.IsCrowded(max_cells_)) crowded_.store(true, std::memory_order_relaxed);
  if (cell == nullptr) {
    dropped_.fetch_add(counts.valid() + counts.denied(), std::memory_order_relaxed);
    return;
  }
  stripe.table->RestOf(*cell).counts.Add(counts);
  if (!last_use.has_value()) return;
  const int64_t nanos = absl::ToUnixNanos(last_use->time);
  if (cell->good && nanos < cell->last_nanos) return;
  cell->good = true;
  cell->last_nanos = nanos;
  cell->last_address = IpAddress::Parse(last_use->address);
  cell->last_by = stripe.callers.NumberOf(last_use->by);
}

std::vector<RecordedUse> UsageRecorder::TakeAll() {
  crowded_.store(false, std::memory_order_relaxed);
  std::vector<RecordedUse> taken;
  for (const std::unique_ptr<Stripe>& stripe : stripes_) {
    size_t cells = kFewestCells;
    {
      absl::MutexLock lock(&stripe->mutex);
      if (stripe->table->used() == 0) continue;
      cells = stripe->table->size();
      const bool was_sparse = stripe->table->used() * kShrinkBelow < cells;
      if (was_sparse) cells = std::max(cells / 2, kFewestCells);
    }
    auto table = std::make_unique<Table>(cells);
    std::vector<std::string> names;
    {
      absl::MutexLock lock(&stripe->mutex);
      stripe->table.swap(table);
      stripe->Publish();
      names = stripe->callers.names();
    }
    for (const Cell& cell : table->cells()) {
      if (cell.rest == Cell::kFree) continue;
      Rest& rest = table->RestOf(cell);
      rest.counts.Add(VerifyCode::kValid, cell.valid);
      RecordedUse& use = taken.emplace_back();
      use.delta = {.key_id = cell.id,
                   .project_id = rest.key->project_id,
                   .hour = cell.hour,
                   .counts = rest.counts,
                   .last_use = std::nullopt};
      use.key = std::move(rest.key);
      if (!cell.good) continue;
      use.delta.last_use = LastUse{
          .time = absl::FromUnixNanos(cell.last_nanos),
          .address = cell.last_address.has_value() ? cell.last_address->ToString() : std::string(),
          .by = names[cell.last_by]};
    }
  }
  return taken;
}

}  // namespace claviger
