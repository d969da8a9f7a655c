#include "server/usage/usage_recorder.h"

#include <algorithm>

#include "server/metrics/striped.h"

namespace claviger {
namespace {

// So many cells are taken out under one lock: some ten microseconds.
constexpr size_t kCellsAtOnce = 128;

uint64_t Sum(const UsageCounts& counts) { return counts.valid() + counts.denied(); }

}  // namespace

UsageRecorder::UsageRecorder(size_t max_keys)
    : max_cells_(std::max<size_t>(1, max_keys / StripeCount())), stripes_(StripeCount()) {}

UsageRecorder::Cell* UsageRecorder::CellFor(Stripe& stripe,
                                            const std::shared_ptr<const KeyRecord>& key,
                                            UsageHour hour) {
  const auto [it, is_new] = stripe.index.try_emplace({key->id, hour}, stripe.cells.size());
  if (!is_new) {
    Cell& cell = stripe.cells[it->second];
    // A record that has changed need not be kept for what was counted before.
    if (cell.counts.empty() && cell.key != key) cell.key = key;
    return &cell;
  }
  if (stripe.cells.size() >= max_cells_) {
    stripe.index.erase(it);
    return nullptr;
  }
  if (stripe.cells.size() + 1 >= max_cells_ - max_cells_ / 4) {
    crowded_.store(true, std::memory_order_relaxed);
  }
  Cell& cell = stripe.cells.emplace_back();
  cell.place = {key->id, hour};
  cell.key = key;
  return &cell;
}

void UsageRecorder::Count(const std::shared_ptr<const KeyRecord>& key, VerifyCode code,
                          const std::optional<IpAddress>& address, const UsedBy& by,
                          absl::Time now) {
  const UsageHour hour = HourOf(now);
  Stripe& stripe = stripes_[StripeOfThisThread()];
  absl::MutexLock lock(&stripe.mutex);
  Cell* const cell = CellFor(stripe, key, hour);
  if (cell == nullptr) {
    dropped_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  cell->counts.Add(code, 1);
  if (code != VerifyCode::kValid || (cell->good && now < cell->last_time)) return;
  cell->good = true;
  cell->last_time = now;
  cell->last_address = address;
  // Into the memory that is there.
  cell->last_by.assign(by.kind).append(by.name);
}

void UsageRecorder::Add(const std::shared_ptr<const KeyRecord>& key, const UsageCounts& counts,
                        const std::optional<LastUse>& last_use, absl::Time now) {
  if (counts.empty()) return;
  Stripe& stripe = stripes_[StripeOfThisThread()];
  absl::MutexLock lock(&stripe.mutex);
  Cell* const cell = CellFor(stripe, key, HourOf(now));
  if (cell == nullptr) {
    dropped_.fetch_add(Sum(counts), std::memory_order_relaxed);
    return;
  }
  cell->counts.Add(counts);
  if (!last_use.has_value() || (cell->good && last_use->time < cell->last_time)) return;
  cell->good = true;
  cell->last_time = last_use->time;
  cell->last_address = IpAddress::Parse(last_use->address);
  cell->last_by = last_use->by;
}

std::vector<RecordedUse> UsageRecorder::TakeAll() {
  crowded_.store(false, std::memory_order_relaxed);
  std::vector<RecordedUse> taken;
  for (Stripe& stripe : stripes_) {
    std::pair<size_t, bool> next{0, true};
    while (next.second) next = TakeSome(stripe, next.first, taken);
  }
  return taken;
}

std::pair<size_t, bool> UsageRecorder::TakeSome(Stripe& stripe, size_t begin,
                                                std::vector<RecordedUse>& out) {
  absl::MutexLock lock(&stripe.mutex);
  std::vector<Cell>& cells = stripe.cells;
  size_t i = begin;
  for (size_t looks = 0; looks < kCellsAtOnce && i < cells.size(); ++looks) {
    Cell& cell = cells[i];
    if (cell.counts.empty()) {
      // Not used since the last time: another one takes its place.
      stripe.index.erase(cell.place);
      if (i + 1 < cells.size()) {
        cell = std::move(cells.back());
        stripe.index[cell.place] = i;
      }
      cells.pop_back();
      continue;
    }
    RecordedUse& use = out.emplace_back();
    use.key = cell.key;
    use.delta = {.key_id = cell.place.first,
                 .project_id = cell.key->project_id,
                 .hour = cell.place.second,
                 .counts = cell.counts,
                 .last_use = std::nullopt};
    if (cell.good) {
      use.delta.last_use = LastUse{
          .time = cell.last_time,
          .address = cell.last_address.has_value() ? cell.last_address->ToString() : std::string(),
          .by = cell.last_by};
    }
    cell.counts = {};
    cell.good = false;
    ++i;
  }
  return {i, i < cells.size()};
}

}  // namespace claviger
