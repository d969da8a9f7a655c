// Metrics of the gRPC port's connections.
#ifndef CLAVIGER_SERVER_METRICS_CONNECTION_METRICS_H_
#define CLAVIGER_SERVER_METRICS_CONNECTION_METRICS_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "prometheus/metric_family.h"

namespace claviger {

// By which bound a connection was turned away or had to make room; the labels are `total`,
// `address` and `descriptors`.
inline constexpr size_t kConnectionBounds = 3;

// Thread safety: all methods may be called from any thread at once; none takes a lock.
class ConnectionMetrics {
 public:
  // Open ones, and how many of them brought a recognised caller.
  void SetOpen(size_t open, size_t with_call);
  void SetMost(size_t most) { most_.store(most, std::memory_order_relaxed); }
  void CountAccepted() { accepted_.fetch_add(1, std::memory_order_relaxed); }
  // REQUIRES: bound < kConnectionBounds.
  void CountRefused(size_t bound) { refused_[bound].fetch_add(1, std::memory_order_relaxed); }
  // Since the start.
  void SetMadeRoom(size_t bound, uint64_t total) {
    made_room_[bound].store(total, std::memory_order_relaxed);
  }

  std::vector<prometheus::MetricFamily> Collect() const;

 private:
  std::atomic<size_t> open_{0};
  std::atomic<size_t> with_call_{0};
  std::atomic<size_t> most_{0};
  std::atomic<uint64_t> accepted_{0};
  std::array<std::atomic<uint64_t>, kConnectionBounds> refused_{};
  std::array<std::atomic<uint64_t>, kConnectionBounds> made_room_{};
};

}  // namespace claviger

#endif  // CLAVIGER_SERVER_METRICS_CONNECTION_METRICS_H_
