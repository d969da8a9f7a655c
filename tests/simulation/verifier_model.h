// A verifying process: the product's check path, caches and state machine of the stream, with a
// network, a clock and threads of the simulation around them.
#ifndef CLAVIGER_TESTS_SIMULATION_VERIFIER_MODEL_H_
#define CLAVIGER_TESTS_SIMULATION_VERIFIER_MODEL_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "claviger/client_observer.h"
#include "client/src/authority.h"
#include "client/src/check_engine.h"
#include "client/src/flight_table.h"
#include "client/src/grant_cache.h"
#include "client/src/insert_fence.h"
#include "client/src/negative_cache.h"
#include "client/src/scheduler.h"
#include "client/src/sync_driver.h"
#include "client/src/sync_rules.h"
#include "client/src/sync_stream.h"
#include "client/src/verifier_view.h"
#include "core/clock.h"
#include "tests/simulation/authority_model.h"
#include "tests/simulation/network.h"
#include "tests/simulation/oracle.h"
#include "tests/simulation/world.h"

namespace claviger::simulation {

// Put together as client/src/core.cc does it. There is one real thread; where the product has
// several, each may be interrupted (World::StandStill) where it reads the clock, sends, asks the
// authority or tells the observer, and the others go on meanwhile: any number that check, and one
// that does what comes from the network and from timers.
class VerifierProcess final : public std::enable_shared_from_this<VerifierProcess>,
                              private client::SyncStreamOpener,
                              private client::Scheduler,
                              private client::Authority,
                              private ClientObserver {
 public:
  struct Options {
    std::vector<std::string> project_ids;
    absl::Duration stale_on_error;
    absl::Duration check_timeout;
    client::SyncRules rules;
    double interruptions = 0;  // how likely at each place
  };
  // All outlive the process.
  struct Surroundings {
    World& world;
    Oracle& oracle;
    AuthorityModel& authority;
    const MachineClock& clock;
    Path& path;
    const Caller& caller;
    std::string name;
    std::function<void()> on_lease_gained;
  };
  VerifierProcess(const Options& options, const Surroundings& surroundings, const Dice& dice);
  ~VerifierProcess() override;

  void Start();
  // Nothing that it does is seen from now on. It is to be let go of then.
  void Kill();

  // Somebody wants to use a key for what `right` is.
  void Check(size_t right);
  // The thread for network and timers does nothing for so long.
  void Stall(absl::Duration duration);

 private:
  // Reads the machine's clock, and may be interrupted behind that.
  class InterruptedClock final : public Clock {
   public:
    explicit InterruptedClock(VerifierProcess& process) : process_(process) {}
    absl::Time Now() const override { return process_.env_.clock.Now(); }
    absl::Duration SinceBoot() const override;

   private:
    VerifierProcess& process_;
  };
  class Stream;
  // A check on its caller's thread.
  struct CheckCall {
    bool asked = false;
    bool decided = false;
  };
  struct VerifyCall {
    size_t key;
    absl::Duration asked_at;
    client::AnswerCallback callback;
  };

  // client::SyncStreamOpener
  std::unique_ptr<client::SyncStream> Open(client::ConnectionId connection,
                                           client::SyncStreamHandler& handler) override;
  // client::Scheduler
  TaskId CallAt(absl::Duration at, Task task) override;
  void Cancel(TaskId id) override { tasks_.erase(id); }
  // client::Authority
  void Ask(const client::AskedKey& asked, absl::Duration deadline,
           client::AnswerCallback callback) override;
  // ClientObserver
  void OnHit() override { Saw(Count::kHits); }
  void OnMiss() override { Saw(Count::kMisses); }
  void OnFallback() override { Saw(Count::kChecksWithoutLease); }
  void OnStale() override { Saw(Count::kStaleAccepts); }
  void OnLeaseGained() override;
  void OnLeaseLost() override { Saw(Count::kLeasesLost); }

  void Saw(Count count);
  void Interrupt();
  // Runs on the client's thread when that is free.
  void OnThread(World::Task task);
  void RunThread();
  // Looks at what the client's thread has done.
  void Observe();
  void OnAnswer(uint64_t call, const VerifyReply& reply);
  void OnDecision(const Oracle::Check& check, uint64_t known, const Decision& decision);
  // Oracle::KnownIssue, for who is told of the key's project and may see it for long enough.
  uint64_t KnownIssue(size_t key) const;
  void CheckFollows(const sync::FromAuthority& message);

  const Options options_;
  const Surroundings env_;
  Dice dice_;
  bool dead_ = false;

  bool busy_ = false;
  absl::Time stalled_until_ = absl::InfinitePast();
  std::deque<World::Task> thread_tasks_;
  std::map<TaskId, Task> tasks_;
  TaskId last_task_ = 0;
  CheckCall* checking_ = nullptr;  // on the thread that runs now
  std::map<uint64_t, VerifyCall> calls_;
  uint64_t last_call_ = 0;
  std::weak_ptr<Wire> wire_;

  // As last observed.
  Epoch epoch_;
  Revision position_;
  absl::Duration lease_end_;

  const sync::SessionId session_;
  const InterruptedClock clock_;
  client::VerifierView view_;
  client::GrantCache grants_;
  client::NegativeCache negatives_;
  KeyHints foreign_{256};
  client::InsertFence fence_;
  client::FlightTable flights_;
  client::SyncDriver driver_;
  client::CheckEngine engine_;
};

}  // namespace claviger::simulation

#endif  // CLAVIGER_TESTS_SIMULATION_VERIFIER_MODEL_H_
