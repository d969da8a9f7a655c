// Counters for the hot path: no lock, and no cache line that all threads write.
#ifndef CLAVIGER_SERVER_METRICS_STRIPED_H_
#define CLAVIGER_SERVER_METRICS_STRIPED_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace claviger {

// How many stripes there are: a power of two, 4 to 64, more than threads that run at once.
size_t StripeCount();
// The stripe that this thread writes to, below StripeCount(); always the same.
size_t StripeOfThisThread();

// A row of counters, kept once per stripe; a thread always adds to the same stripe, and stripes
// share no cache line. Reading sums the stripes.
//
// Thread safety: all methods may be called from any thread at once. Relaxed: a sum may miss
// additions that happen at the same time, and counters of a row may be read at slightly different
// moments, but each counter never goes back.
class StripedCounters {
 public:
  explicit StripedCounters(size_t counters);

  StripedCounters(const StripedCounters&) = delete;
  StripedCounters& operator=(const StripedCounters&) = delete;

  // REQUIRES: index < size().
  void Add(size_t index, uint64_t amount = 1);
  uint64_t Sum(size_t index) const;
  size_t size() const { return size_; }

 private:
  static constexpr size_t kCacheLineBytes = 64;
  static constexpr size_t kCountersPerLine = kCacheLineBytes / sizeof(std::atomic<uint64_t>);
  struct alignas(kCacheLineBytes) Line {
    std::atomic<uint64_t> counters[kCountersPerLine]{};
  };

  std::atomic<uint64_t>& Cell(size_t stripe, size_t index) const;

  const size_t size_;
  const size_t lines_per_stripe_;
  const std::unique_ptr<Line[]> lines_;
};

// A histogram with fixed bounds.
//
// Thread safety: as StripedCounters.
class StripedHistogram {
 public:
  struct Snapshot {
    // How many values were at most the bound, by bound, cumulative; the last is all of them.
    std::vector<uint64_t> cumulative;
    double sum = 0;
  };

  // `bounds`: ascending upper bounds, without the infinite one. `units`: the sum is kept as a whole
  // number of 1/units, e.g. 1e9 for seconds kept as nanoseconds.
  StripedHistogram(std::span<const double> bounds, double units);

  // REQUIRES: value >= 0, and finite.
  void Observe(double value);

  std::span<const double> bounds() const { return bounds_; }
  Snapshot Read() const;

 private:
  const std::vector<double> bounds_;
  const double units_;
  // One for each bound, one for what is above all, and the sum.
  StripedCounters cells_;
};

}  // namespace claviger

#endif  // CLAVIGER_SERVER_METRICS_STRIPED_H_
