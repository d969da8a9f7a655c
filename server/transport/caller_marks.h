// Passes on which connections have brought a caller that was recognised.
#ifndef CLAVIGER_SERVER_TRANSPORT_CALLER_MARKS_H_
#define CLAVIGER_SERVER_TRANSPORT_CALLER_MARKS_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace claviger {

// Each call notes its peer; each peer is passed on once. Noting one that was noted before takes no
// lock: it is found in a table of hashes that all threads read.
//
// Thread safety: all methods may be called from any thread at once.
class CallerMarks {
 public:
  struct Mark {
    std::string peer;  // as gRPC has it
    uint64_t hash = 0;
  };

  CallerMarks();

  CallerMarks(const CallerMarks&) = delete;
  CallerMarks& operator=(const CallerMarks&) = delete;

  // A caller was recognised on the connection from `grpc_peer`, e.g. `ipv4:192.0.2.1:50051`.
  void Note(std::string_view grpc_peer);

  // What was noted since the last time.
  std::vector<Mark> Take();
  // That connection has ended: the next one from the same address and port is to be noted anew.
  void Forget(uint64_t hash);

 private:
  // Four hashes share a cache line's half, so that peers seldom drive each other out.
  static constexpr size_t kBuckets = size_t{1} << 14;
  using Bucket = std::array<std::atomic<uint64_t>, 4>;
  static constexpr size_t kMostWaiting = size_t{1} << 16;

  std::vector<Bucket> noted_;
  absl::Mutex mutex_;
  std::vector<Mark> waiting_ ABSL_GUARDED_BY(mutex_);
  size_t next_victim_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace claviger

#endif  // CLAVIGER_SERVER_TRANSPORT_CALLER_MARKS_H_
