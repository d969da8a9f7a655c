#include "tests/bench/memory_latency.h"

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <random>
#include <vector>

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace claviger::bench {
namespace {

constexpr size_t kLineBytes = 64;
constexpr size_t kLoads = 1'000'000;

// A line of memory that holds nothing but the number of the next one.
struct alignas(kLineBytes) Line {
  size_t next;
};

}  // namespace

double MemoryLatencyNanoseconds(size_t bytes) {
  std::vector<Line> lines(std::max<size_t>(bytes / kLineBytes, 2));
  std::vector<size_t> order(lines.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::shuffle(order.begin(), order.end(), std::mt19937_64{1});
  // One ring through all lines.
  for (size_t i = 0; i < order.size(); ++i) {
    lines[order[i]].next = order[(i + 1) % order.size()];
  }
  size_t at = order.front();
  const absl::Time start = absl::Now();
  for (size_t i = 0; i < kLoads; ++i) at = lines[at].next;
  asm volatile("" : : "r"(at));  // the loop is not to be left out
  return absl::ToDoubleNanoseconds(absl::Now() - start) / static_cast<double>(kLoads);
}

}  // namespace claviger::bench
