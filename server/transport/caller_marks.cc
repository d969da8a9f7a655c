#include "server/transport/caller_marks.h"

#include <utility>

#include "absl/hash/hash.h"

namespace claviger {
namespace {

// Unix sockets have no peers that could be told apart, and no caps by address.
bool IsTcp(std::string_view grpc_peer) { return grpc_peer.starts_with("ipv"); }

}  // namespace

CallerMarks::CallerMarks() : noted_(kBuckets) {}

void CallerMarks::Note(std::string_view grpc_peer) {
  if (!IsTcp(grpc_peer)) return;
  // Never 0, which is an empty place.
  const uint64_t hash = absl::HashOf(grpc_peer) | 1;
  Bucket& bucket = noted_[(hash >> 1) % kBuckets];
  for (const std::atomic<uint64_t>& noted : bucket) {
    if (noted.load(std::memory_order_relaxed) == hash) return;
  }
  absl::MutexLock lock(&mutex_);
  // Without room it is not noted, and so comes again with the next call.
  if (waiting_.size() >= kMostWaiting) return;
  waiting_.push_back({std::string(grpc_peer), hash});
  for (std::atomic<uint64_t>& place : bucket) {
    uint64_t empty = 0;
    if (place.compare_exchange_strong(empty, hash, std::memory_order_relaxed)) return;
  }
  bucket[next_victim_++ % bucket.size()].store(hash, std::memory_order_relaxed);
}

std::vector<CallerMarks::Mark> CallerMarks::Take() {
  std::vector<Mark> taken;
  absl::MutexLock lock(&mutex_);
  taken.swap(waiting_);
  return taken;
}

void CallerMarks::Forget(uint64_t hash) {
  for (std::atomic<uint64_t>& place : noted_[(hash >> 1) % kBuckets]) {
    uint64_t expected = hash;
    place.compare_exchange_strong(expected, 0, std::memory_order_relaxed);
  }
}

}  // namespace claviger
