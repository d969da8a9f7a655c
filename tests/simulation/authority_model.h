// The authority: the product's hub with all its sessions and barriers, on a store of the
// simulation, driven as server/sync/sync_loop.cc and server/app/sync_setup.cc drive it.
#ifndef CLAVIGER_TESTS_SIMULATION_AUTHORITY_MODEL_H_
#define CLAVIGER_TESTS_SIMULATION_AUTHORITY_MODEL_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "client/src/flight_table.h"
#include "server/sync/hub.h"
#include "tests/simulation/network.h"
#include "tests/simulation/oracle.h"
#include "tests/simulation/store_model.h"
#include "tests/simulation/world.h"

namespace claviger::simulation {

// Whom the authority takes a verifier for.
struct Caller {
  bool may_verify = true;
  // In these projects only; nullopt: in all.
  std::optional<std::vector<std::string>> projects;
  absl::Time changed = absl::InfinitePast();  // when any of this last did

  bool MaySee(std::string_view project_id) const;
};

// What Verify answers.
struct VerifyReply {
  absl::Status status;
  client::Reflects reflects;
  VerifyCode code = VerifyCode::kNotFound;
  std::shared_ptr<const client::CachedGrant> grant;
  absl::Duration expires_in = absl::InfiniteDuration();
};

class AuthorityModel {
 public:
  struct Options {
    sync::AuthorityRules rules;
    bool restore_expects_leases = true;  // I11: of any length, after a restore from a backup
    absl::Duration lease;
    absl::Duration longest_stale;  // the longest stale_on_error of a verifier
    size_t ring_capacity = 64;
    size_t history = 64;  // changes that the store keeps
    absl::Duration disk;  // a commit takes up to this
  };

  // `store`: what there is at first. All references outlive the model.
  AuthorityModel(World& world, Oracle& oracle, MachineClock& clock, const Dice& dice,
                 const Options& options, StoreState store);

  bool up() const { return hub_.has_value(); }
  // Up, and on its way down.
  bool stopping() const { return up() && stopping_; }
  // REQUIRES: not up.
  void Start();
  // The process ends here and now. REQUIRES: up.
  void Kill();
  // Ends as it should: says goodbye, and records what leases there are. REQUIRES: up.
  void Stop();
  const StoreState& store() const { return store_; }
  void TakeBackup() { backup_ = store_; }
  // The next start is with the backup, in a new epoch. REQUIRES: not up.
  void Restore();
  // What has to do with sessions waits for so long.
  void StallLoop(absl::Duration duration);

  // `caller` outlives the model.
  void OnMessage(const std::shared_ptr<Wire>& wire, const Caller& caller,
                 const sync::FromVerifier& message);
  void OnClosed(const std::shared_ptr<Wire>& wire);

  // An operator's call. What became of it is the oracle's to know.
  void Submit(const Change& change);
  // `reply` is dropped when the process ends before it has answered.
  using ReplyCallback = absl::AnyInvocable<void(const VerifyReply&)>;
  void Verify(const Caller& caller, size_t key, ReplyCallback reply);

 private:
  using Mutation = absl::AnyInvocable<std::optional<Event>(StoreState&)>;
  using CommitDone = absl::AnyInvocable<void(const Claim&)>;

  // If the process is still the same then.
  void AfterHere(absl::Duration delay, World::Task task);
  // `mutate` runs when it is durable, and gives what it changed, if anything; then `done`, with
  // those of `rights` that are not given any more.
  void Commit(Mutation mutate, std::vector<size_t> rights, CommitDone done);
  // How long leases may be about, for a later process.
  void RecordLeases(absl::Duration longest, bool only_longer, CommitDone done);
  void TellOracle();
  void PromiseOneLease(const Claim& claim);

  // The loop: one task after the other, each followed by what the hub wants done.
  void Post(World::Task task);
  void Run(World::Task& task);
  void Execute();
  void ArmTimer();
  void OnHello(const std::shared_ptr<Wire>& wire, const Caller& caller, const sync::Hello& hello);
  void Admit(const std::shared_ptr<Wire>& wire, const sync::Hello& hello,
             const sync::ProjectFilter& filter);
  void OnBeat(uint64_t connection, const Caller& caller, const sync::Beat& beat);
  void Await(const Claim& claim, const std::string& project_id, absl::Duration deadline);
  void OnBarrierEnded(const sync::BarrierEnded& ended);
  void Send(uint64_t connection, const sync::FromAuthority& message);
  void CloseStream(uint64_t connection);
  void EndLoop();
  void End();
  void Trace(std::string_view what) const;

  World& world_;
  Oracle& oracle_;
  MachineClock& clock_;
  Dice dice_;
  const Options options_;

  StoreState store_;
  StoreState backup_;
  std::map<uint64_t, Claim> unpushed_;  // by revision: durable restrictions not yet in the hub

  // Of the process that runs, or of the last one.
  uint64_t run_ = 0;
  Revision applied_;
  absl::Time writer_free_;
  std::optional<sync::Hub> hub_;
  bool stopping_ = false;
  bool loop_ended_ = false;
  absl::Time loop_free_;
  absl::Duration timer_;
  absl::Duration unknown_leases_end_;
  absl::Duration announced_;
  std::set<uint64_t> arriving_;
  std::map<uint64_t, std::shared_ptr<Wire>> streams_;
  std::map<uint64_t, Claim> waiting_;  // by barrier
  uint64_t last_connection_ = 0;
  uint64_t last_barrier_ = 0;
};

}  // namespace claviger::simulation

#endif  // CLAVIGER_TESTS_SIMULATION_AUTHORITY_MODEL_H_
