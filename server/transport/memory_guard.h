// Ends connections that make this process grow without bound.
//
// gRPC 1.51 keeps what a connection has begun until it is done with it, and takes in more before: a
// client that opens streams and resets them at once (CVE-2023-44487) costs 20 KiB for each of some
// dozen bytes, faster than they are let go. No setting of gRPC bounds that, so it is bounded from
// outside: when the process grows too fast, those connections end that took in the most meanwhile.
#ifndef CLAVIGER_SERVER_TRANSPORT_MEMORY_GUARD_H_
#define CLAVIGER_SERVER_TRANSPORT_MEMORY_GUARD_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <thread>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "server/transport/growth_watch.h"
#include "server/transport/socket_intake.h"

namespace claviger {

// Bytes of this process's heap that are in use; what malloc keeps for later is not.
uint64_t HeapInUse();

// Of `now`, those that took in the most since `before`, largest first and at most `most`: at least
// half as much as the first of them. None where all of them took in less than `least_together`
// bytes: then something else was at work.
std::vector<SocketIntake> Greediest(const absl::flat_hash_map<uint64_t, uint64_t>& before,
                                    const std::vector<SocketIntake>& now, uint64_t least_together,
                                    size_t most);

struct MemoryGuardOptions {
  // The gRPC port. Connections of a unix socket are not told apart, and are left alone.
  uint16_t port = 0;
  // Growth within `window` from which on connections end.
  uint64_t most_growth = 0;
  absl::Duration window = absl::Seconds(10);
  absl::Duration interval = absl::Milliseconds(100);
  // Connections that end at one look.
  size_t most_at_once = 1000;
};

// What one look led to, if connections ended: how many, and by how much the process had grown.
using MemoryGuardObserver = std::function<void(size_t ended, uint64_t growth)>;

// Looks at the heap on a thread of its own, from construction to destruction.
class MemoryGuard {
 public:
  // `observer` is called on the guard's thread.
  MemoryGuard(const MemoryGuardOptions& options, MemoryGuardObserver observer,
              std::function<uint64_t()> in_use = HeapInUse);
  ~MemoryGuard();

  MemoryGuard(const MemoryGuard&) = delete;
  MemoryGuard& operator=(const MemoryGuard&) = delete;

 private:
  void Run();
  void Look(absl::Duration now);

  const MemoryGuardOptions options_;
  const MemoryGuardObserver observer_;
  const std::function<uint64_t()> in_use_;

  // The thread's own.
  GrowthWatch growth_;
  // What each connection had taken in at the last look, by its cookie; empty while all is well.
  absl::flat_hash_map<uint64_t, uint64_t> before_;
  uint64_t in_use_before_ = 0;
  bool give_back_ = false;

  absl::Notification stopping_;
  std::thread thread_;
};

}  // namespace claviger

#endif  // CLAVIGER_SERVER_TRANSPORT_MEMORY_GUARD_H_
