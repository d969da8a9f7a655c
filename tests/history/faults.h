// Freezes, kills and cuts off the processes of a run, at random but from a seed.
#ifndef CLAVIGER_TESTS_HISTORY_FAULTS_H_
#define CLAVIGER_TESTS_HISTORY_FAULTS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <random>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "core/clock.h"
#include "tests/history/cluster.h"

namespace claviger::history {

enum class Fault : uint8_t {
  kCut,                // connections reset
  kRefuse,             // reset, and no new ones for a while
  kStall,              // a black hole for a while
  kDelay,              // every byte late for a while
  kHalfCloseToServer,  // no more from the client, on the connections of now
  kHalfCloseToClient,  // no more from the server, likewise
  kFreezeClient,       // SIGSTOP … SIGCONT
  kKillClient,         // SIGKILL, then started again
  kFreezeServer,
  kKillServer,
};
inline constexpr size_t kFaultKinds = 10;
std::string_view FaultName(Fault fault);

// How many of each there are among so many, by Fault.
using FaultMix = std::array<size_t, kFaultKinds>;
// Few of the server's, which hit all clients at once.
inline constexpr FaultMix kAllFaults = {6, 4, 8, 6, 3, 3, 8, 4, 3, 3};
// Clients that keep their leases and hear nothing.
inline constexpr FaultMix kStallsOnly = {0, 0, 1};

// Storms, in which there are several faults in a second, and calms take turns. A fault that lasts
// is over well before a lease is, or well after, as it comes. Each process, and each way between a
// client and the server, has at most one fault at a time.
//
// Thread safety: none; of the cluster's thread.
class Faults {
 public:
  // References outlive this. `mix` has at least one fault.
  Faults(Cluster& cluster, const Clock& clock, const FaultMix& mix, uint64_t seed);

  // Goes on for `duration`. CANCELLED when this program was interrupted.
  absl::Status Run(absl::Duration duration);
  // Ends all faults.
  absl::Status HealAll();

  // How many of each there were, by Fault.
  const std::array<uint64_t, kFaultKinds>& counts() const { return counts_; }

 private:
  struct Active {
    Fault fault;
    uint32_t target;  // a client, or, one above them, the server
  };

  bool InStorm(absl::Duration now) const;
  absl::Status Begin(absl::Duration now);
  void Shuffle();
  absl::Status Apply(Fault fault, uint32_t target);
  absl::Status HealDue(absl::Duration now);
  absl::Status Heal(const Active& active);
  bool IsBusy(Fault fault, uint32_t target) const;
  absl::Duration Draw(absl::Duration low, absl::Duration high);

  Cluster& cluster_;
  const Clock& clock_;
  const FaultMix mix_;
  const absl::Duration started_;
  std::mt19937_64 random_;
  // Drawn from its end, so that a run of half a minute has every fault at least once.
  std::vector<Fault> deck_;
  std::multimap<absl::Duration, Active> active_;  // by when they end
  std::array<uint64_t, kFaultKinds> counts_{};
};

}  // namespace claviger::history

#endif  // CLAVIGER_TESTS_HISTORY_FAULTS_H_
