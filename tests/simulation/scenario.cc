#include "tests/simulation/scenario.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "absl/time/time.h"
#include "core/sync_messages.h"
#include "fmt/format.h"
#include "tests/simulation/authority_model.h"
#include "tests/simulation/network.h"
#include "tests/simulation/verifier_model.h"
#include "tests/simulation/world.h"

namespace claviger::simulation {
namespace {

// What goes wrong from time to time. A seed has some of them: a world in which all goes wrong all
// the time never gets as far as one in which a few things do.
enum class Fault : uint8_t {
  kCut,
  kBreakPath,
  kStallUp,
  kStallDown,
  kDeafen,
  kStallThread,
  kStallLoop,
  kRestartVerifier,
  kKillAuthority,
  kStopAuthority,
  kRestore,
  kBackup,
  kPermissions,
  kEnd,
};

// How far the rate of a clock is from true time: two of them differ by ρ at most.
constexpr double kRateError = sync::kMaxClockRateError / 2 * 0.997;

double RateOf(Dice& dice) {
  const double extreme = dice.Chance(0.5) ? 1 : -1;
  return 1 + kRateError * (dice.Chance(0.6) ? extreme : 2 * dice.Unit() - 1);
}

// What a machine's clock shows at first.
absl::Duration Uptime(Dice& dice) { return dice.Spread(absl::Seconds(1), absl::Hours(1'000)); }

std::vector<std::string> SomeProjects(Dice& dice) {
  std::vector<std::string> some;
  for (const std::string& id : ProjectIds()) {
    if (dice.Chance(0.6)) some.push_back(id);
  }
  if (some.empty()) some.push_back(ProjectIds()[dice.Below(kProjects)]);
  return some;
}

// A machine with a verifier on it.
struct Host {
  Host(World& world, const Dice& from, absl::Duration lease, std::string called)
      : dice(from),
        name(std::move(called)),
        clock(world, RateOf(dice), Uptime(dice)),
        path(world, dice.Split(), DrawQuality(lease)) {
    if (dice.Chance(0.6)) options.project_ids = SomeProjects(dice);
    if (dice.Chance(0.4)) caller.projects = SomeProjects(dice);
    if (dice.Chance(0.25)) options.stale_on_error = dice.Spread(lease / 4, 2 * lease);
    options.check_timeout = dice.Spread(absl::Milliseconds(200), absl::Seconds(2));
    constexpr std::array<double, 3> kInterruptions = {0, 0.005, 0.03};
    options.interruptions = kInterruptions[dice.Below(kInterruptions.size())];
  }

  Path::Quality DrawQuality(absl::Duration lease) {
    constexpr std::array<double, 4> kSpikes = {0, 0.02, 0.1, 0.3};
    Path::Quality quality;
    quality.shortest = dice.Spread(absl::Microseconds(50), absl::Milliseconds(5));
    quality.longest =
        quality.shortest + dice.Spread(absl::Microseconds(10), absl::Milliseconds(30));
    quality.spikes = kSpikes[dice.Below(kSpikes.size())];
    quality.spike = quality.longest + dice.Spread(absl::Milliseconds(20), 2 * lease);
    return quality;
  }

  Dice dice;
  const std::string name;
  MachineClock clock;
  Path path;
  Caller caller;
  VerifierProcess::Options options;
  std::shared_ptr<VerifierProcess> process;
};

class Scenario {
 public:
  Scenario(uint64_t seed, const Rules& rules, bool traced)
      : dice_(seed),
        rules_(rules),
        world_(traced),
        oracle_(world_, [this](size_t right) { Probe(right); }),
        lease_(dice_.Chance(0.8) ? sync::kMinLease : sync::kDefaultLease),
        length_(dice_.Between(3 * lease_, 6 * lease_)),
        clock_(world_, RateOf(dice_), Uptime(dice_)) {
    for (size_t i = 0, n = 2 + dice_.Below(3); i < n; ++i) {
      hosts_.push_back(
          std::make_unique<Host>(world_, dice_.Split(), lease_, fmt::format("verifier {}", i + 1)));
      hosts_.back()->options.rules = rules.verifier;
    }
    for (size_t i = 0; i < static_cast<size_t>(Fault::kEnd); ++i) {
      if (dice_.Chance(0.5)) faults_.push_back(static_cast<Fault>(i));
    }
    MakeAuthority();
  }

  RunResult Run() {
    authority_->Start();
    for (const auto& host : hosts_) {
      world_.After(host->dice.Between(absl::ZeroDuration(), lease_), [this, &host = *host] {
        StartVerifier(host);
        CheckNow(host);
      });
    }
    PlanChange(dice_.Spread(absl::Milliseconds(60), lease_));
    if (!faults_.empty()) PlanFault(dice_.Spread(absl::Milliseconds(100), 2 * lease_));
    world_.RunUntil(absl::UnixEpoch() + length_);
    return {oracle_.violations(), oracle_.counts(), world_.digest()};
  }

 private:
  void MakeAuthority() {
    absl::Duration longest_stale;
    for (const auto& host : hosts_) {
      longest_stale = std::max(longest_stale, host->options.stale_on_error);
    }
    StoreState store;
    (void)dice_.Fill(store.epoch.bytes);
    for (size_t key = 0; key < kKeys; ++key) {
      store.keys[key].issued = dice_.Chance(0.8);
      if (!dice_.Chance(0.15)) continue;
      const absl::Duration life = dice_.Between(lease_, length_);
      store.keys[key].expire_time = clock_.Now() + life;
      // The verifier counts with another clock.
      oracle_.SetExpiry(key, world_.now() + life * (1 + 2 * sync::kMaxClockRateError));
    }
    const AuthorityModel::Options options{
        .rules = rules_.authority,
        .restore_expects_leases = rules_.restore_expects_leases,
        .lease = lease_,
        .longest_stale = longest_stale,
        .ring_capacity = dice_.Chance(0.5) ? 64 : 2 + dice_.Below(8),
        .history = dice_.Chance(0.8) ? 64 : 2 + dice_.Below(8),
        .disk = dice_.Spread(absl::Microseconds(10), absl::Milliseconds(20))};
    authority_ = std::make_unique<AuthorityModel>(world_, oracle_, clock_, dice_.Split(), options,
                                                  std::move(store));
  }

  void StartVerifier(Host& host) {
    host.process = std::make_shared<VerifierProcess>(
        host.options,
        VerifierProcess::Surroundings{.world = world_,
                                      .oracle = oracle_,
                                      .authority = *authority_,
                                      .clock = host.clock,
                                      .path = host.path,
                                      .caller = host.caller,
                                      .name = host.name,
                                      .on_lease_gained = [this, &host] { ProbeAll(host); }},
        host.dice.Split());
    host.process->Start();
  }

  // Someone checks something now, and again later.
  void CheckNow(Host& host) {
    Check(host, host.dice.Below(kRights));
    world_.After(host.dice.Wait(lease_ / 6), [this, &host] { CheckNow(host); });
  }
  static void Check(const Host& host, size_t right) {
    const std::shared_ptr<VerifierProcess> process = host.process;
    if (process != nullptr) process->Check(right);
  }

  // Whether `right` is still accepted anywhere is asked at once, and perhaps later.
  void Probe(size_t right) {
    for (const auto& host : hosts_) {
      world_.After(absl::ZeroDuration(), [right, &host = *host] { Check(host, right); });
      if (host->dice.Chance(0.6)) continue;
      world_.After(host->dice.Spread(absl::Microseconds(100), 2 * lease_),
                   [right, &host = *host] { Check(host, right); });
    }
  }

  // A lease that comes too early is seen before what should have come ahead of it.
  void ProbeAll(const Host& host) {
    for (size_t right = 0; right < kRights; ++right) {
      if (!oracle_.forbidden(right)) continue;
      const bool at_once = dice_.Chance(0.3);
      world_.After(at_once ? absl::ZeroDuration()
                           : dice_.Spread(absl::Microseconds(10), absl::Milliseconds(100)),
                   [right, &host] { Check(host, right); });
    }
  }

  void PlanChange(absl::Duration mean) {
    world_.After(dice_.Wait(mean), [this, mean] {
      MakeChange();
      PlanChange(mean);
    });
  }

  void MakeChange() {
    Change change = DrawChange();
    change.strict = dice_.Chance(0.7);
    if (dice_.Chance(0.2)) change.deadline = dice_.Spread(absl::Milliseconds(1), 2 * lease_);
    if (dice_.Chance(0.7)) {
      // What nobody holds nobody can lose.
      for (const size_t right : change.Restricted()) {
        for (const auto& host : hosts_) {
          world_.After(dice_.Spread(absl::Microseconds(1), absl::Milliseconds(20)),
                       [right, &host = *host] { Check(host, right); });
        }
      }
    }
    world_.After(dice_.Spread(absl::Microseconds(1), absl::Milliseconds(50)),
                 [this, change] { authority_->Submit(change); });
  }

  Change DrawChange() {
    const StoreState& store = authority_->store();
    const size_t drawn = dice_.Below(100);
    const size_t project = dice_.Below(kProjects);
    if (drawn < 6) return {.kind = ChangeKind::kDisableProject, .target = project};
    if (drawn < 14) return {.kind = ChangeKind::kEnableProject, .target = project};
    if (drawn < 15) {
      // It takes a thousand times as long as others.
      const bool wanted = dice_.Chance(0.1);
      return {.kind = wanted ? ChangeKind::kDisableMany : ChangeKind::kEnableProject,
              .target = project};
    }
    const size_t key = dice_.Below(kKeys);
    const StoredKey& stored = store.keys[key];
    if (!stored.issued) return {.kind = ChangeKind::kIssue, .target = key};
    if (drawn < 20) return {.kind = ChangeKind::kRevoke, .target = key};
    if (drawn < 40) {
      return {.kind = stored.may_write ? ChangeKind::kNarrow : ChangeKind::kWiden, .target = key};
    }
    return {.kind = stored.disabled ? ChangeKind::kEnable : ChangeKind::kDisable, .target = key};
  }

  void PlanFault(absl::Duration mean) {
    world_.After(dice_.Wait(mean), [this, mean] {
      Happen(faults_[dice_.Below(faults_.size())]);
      PlanFault(mean);
    });
  }

  void Happen(Fault fault) {
    Host& host = *hosts_[dice_.Below(hosts_.size())];
    const absl::Duration shortest = absl::Milliseconds(5);
    switch (fault) {
      case Fault::kCut:
        Trace(host, "is cut off for a moment");
        oracle_.Add(Count::kCuts);
        return host.path.Cut();
      case Fault::kBreakPath:
        Trace(host, "is cut off");
        oracle_.Add(Count::kCuts);
        return host.path.Break(dice_.Spread(shortest, 4 * lease_));
      case Fault::kStallUp:
        Trace(host, "is not heard");
        return host.path.Stall(Direction::kUp, dice_.Spread(shortest, 2 * lease_));
      case Fault::kStallDown:
        Trace(host, "hears late");
        return host.path.Stall(Direction::kDown, dice_.Spread(shortest, 2 * lease_));
      case Fault::kDeafen:
        Trace(host, "hears nothing after Welcome");
        return host.path.Deafen(dice_.Spread(lease_ / 2, 8 * lease_));
      case Fault::kStallThread:
        Trace(host, "is slow");
        if (host.process != nullptr) host.process->Stall(dice_.Spread(shortest, 2 * lease_));
        return;
      case Fault::kStallLoop:
        return authority_->StallLoop(dice_.Spread(shortest, absl::Milliseconds(200)));
      case Fault::kRestartVerifier:
        return RestartVerifier(host);
      case Fault::kKillAuthority:
      case Fault::kRestore:
        return RestartAuthority(fault == Fault::kRestore);
      case Fault::kStopAuthority:
        if (!authority_->up() || authority_->stopping()) return;
        oracle_.Add(Count::kAuthorityStopped);
        authority_->Stop();
        return StartAuthorityAfter(Downtime());
      case Fault::kBackup:
        return authority_->TakeBackup();
      case Fault::kPermissions:
        return ChangePermissions(host);
      case Fault::kEnd:
        return;
    }
  }

  absl::Duration Downtime() { return dice_.Spread(absl::Milliseconds(1), 2 * lease_); }

  void RestartVerifier(Host& host) {
    if (host.process == nullptr) return;
    Trace(host, "is killed");
    oracle_.Add(Count::kVerifierRestarts);
    std::exchange(host.process, nullptr)->Kill();
    world_.After(Downtime(), [this, &host] {
      if (host.dice.Chance(0.3)) host.clock.Reboot(Uptime(host.dice));
      if (host.dice.Chance(0.3)) host.options.project_ids = SomeProjects(host.dice);
      StartVerifier(host);
    });
  }

  void RestartAuthority(bool restore) {
    if (!authority_->up()) return;
    oracle_.Add(restore ? Count::kRestored : Count::kAuthorityKilled);
    authority_->Kill();
    if (restore) authority_->Restore();
    StartAuthorityAfter(Downtime());
  }

  // Or as soon as it is down.
  void StartAuthorityAfter(absl::Duration delay) {
    world_.After(delay, [this] {
      if (authority_->stopping()) return StartAuthorityAfter(absl::Milliseconds(20));
      if (authority_->up()) return;
      if (dice_.Chance(0.3)) clock_.Reboot(Uptime(dice_));
      authority_->Start();
    });
  }

  void ChangePermissions(Host& host) {
    Trace(host, "may verify elsewhere");
    oracle_.Add(Count::kFilterChanges);
    host.caller.projects.reset();
    if (host.dice.Chance(0.7)) host.caller.projects = SomeProjects(host.dice);
    host.caller.may_verify = !host.dice.Chance(0.2);
    host.caller.changed = world_.now();
    // It is found out when the connection is opened anew.
    if (host.dice.Chance(0.6)) host.path.Cut();
    if (host.caller.may_verify) return;
    world_.After(host.dice.Spread(absl::Milliseconds(10), lease_), [this, &host] {
      host.caller.may_verify = true;
      host.caller.changed = world_.now();
    });
  }

  void Trace(const Host& host, std::string_view what) const {
    if (world_.traced()) world_.Trace(host.name, what);
  }

  Dice dice_;
  const Rules rules_;
  World world_;
  Oracle oracle_;
  const absl::Duration lease_;
  const absl::Duration length_;
  MachineClock clock_;  // the authority's
  std::vector<Fault> faults_;
  std::unique_ptr<AuthorityModel> authority_;
  std::vector<std::unique_ptr<Host>> hosts_;
};

}  // namespace

RunResult RunSeed(uint64_t seed, const Rules& rules, bool traced) {
  return Scenario(seed, rules, traced).Run();
}

}  // namespace claviger::simulation
