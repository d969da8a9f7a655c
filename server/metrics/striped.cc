#include "server/metrics/striped.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <thread>

namespace claviger {

// Twice as many stripes as cores make it unlikely that two running threads share one; the bound
// keeps a row small on a large machine.
size_t StripeCount() {
  static const size_t count =
      std::bit_ceil(std::clamp<size_t>(2 * std::thread::hardware_concurrency(), 4, 64));
  return count;
}

size_t StripeOfThisThread() {
  static std::atomic<size_t> next = 0;
  thread_local const size_t index = next.fetch_add(1, std::memory_order_relaxed);
  return index & (StripeCount() - 1);
}

StripedCounters::StripedCounters(size_t counters)
    : size_(counters),
      lines_per_stripe_((counters + kCountersPerLine - 1) / kCountersPerLine),
      lines_(std::make_unique<Line[]>(StripeCount() * lines_per_stripe_)) {}

void StripedCounters::Add(size_t index, uint64_t amount) {
  Cell(StripeOfThisThread(), index).fetch_add(amount, std::memory_order_relaxed);
}

uint64_t StripedCounters::Sum(size_t index) const {
  uint64_t sum = 0;
  for (size_t stripe = 0; stripe < StripeCount(); ++stripe) {
    sum += Cell(stripe, index).load(std::memory_order_relaxed);
  }
  return sum;
}

std::atomic<uint64_t>& StripedCounters::Cell(size_t stripe, size_t index) const {
  return lines_[stripe * lines_per_stripe_ + index / kCountersPerLine]
      .counters[index % kCountersPerLine];
}

StripedHistogram::StripedHistogram(std::span<const double> bounds, double units)
    : bounds_(bounds.begin(), bounds.end()), units_(units), cells_(bounds.size() + 2) {}

void StripedHistogram::Observe(double value) {
  const size_t bucket = std::lower_bound(bounds_.begin(), bounds_.end(), value) - bounds_.begin();
  cells_.Add(bucket);
  cells_.Add(bounds_.size() + 1, static_cast<uint64_t>(std::llround(value * units_)));
}

StripedHistogram::Snapshot StripedHistogram::Read() const {
  Snapshot snapshot;
  uint64_t total = 0;
  for (size_t bucket = 0; bucket <= bounds_.size(); ++bucket) {
    total += cells_.Sum(bucket);
    snapshot.cumulative.push_back(total);
  }
  snapshot.sum = static_cast<double>(cells_.Sum(bounds_.size() + 1)) / units_;
  return snapshot;
}

}  // namespace claviger
