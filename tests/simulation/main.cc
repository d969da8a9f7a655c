// claviger_sim: runs the protocol behind strict revocation in a world of its own, seed after seed,
// and looks whether what is promised is kept.
//
// The authority's hub, the verifiers' state machine, caches and check path, and the glue between
// them at the verifiers (SyncDriver, CheckEngine) are the product's; store, network, clocks,
// threads and operators are the simulation's. In each run two to four verifiers check keys while
// keys are issued, restricted and given back, and some of this goes wrong: messages come late, one
// way is silent, connections are cut, clocks differ by ρ, threads stand still between two steps,
// both sides are killed and started again, the authority is restored from a backup, permissions
// change.
//
// 20,000 seeds; says what happened in them, and ends with 1 at a violation:
//   claviger_sim
// A night:
//   claviger_sim --seeds 1000000
// One seed again, telling what happens:
//   claviger_sim --seed 4711 --trace
// Without a rule, until that shows; ends with 1 if it does not:
//   claviger_sim --break I3

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "fmt/format.h"
#include "tests/simulation/oracle.h"
#include "tests/simulation/scenario.h"

namespace claviger::simulation {
namespace {

// A rule that can be taken away, and the property that must then be violated.
struct Breakage {
  std::string_view name;
  void (*apply)(Rules&);
  Property shows;
};

constexpr Breakage kBreakages[] = {
    {"I3", [](Rules& rules) { rules.verifier.insert_fence = false; }, Property::kStrict},
    {"I4", [](Rules& rules) { rules.verifier.join_fence = false; }, Property::kStrict},
    {"I6", [](Rules& rules) { rules.verifier.client_lease_margin = false; }, Property::kStrict},
    {"I6-authority", [](Rules& rules) { rules.authority.lease_margin = false; }, Property::kStrict},
    {"I7", [](Rules& rules) { rules.authority.grant_needs_ack = false; }, Property::kWait},
    {"I8", [](Rules& rules) { rules.authority.replay_before_grant = false; }, Property::kStrict},
    {"I8-kept", [](Rules& rules) { rules.verifier.keep_only_until_lease_end = false; },
     Property::kStrict},
    {"I9", [](Rules& rules) { rules.verifier.evict_before_ack = false; }, Property::kStrict},
    {"I10", [](Rules& rules) { rules.authority.wait_for_the_gone = false; }, Property::kStrict},
    {"I11", [](Rules& rules) { rules.authority.wait_after_restart = false; }, Property::kStrict},
    {"I11-restore", [](Rules& rules) { rules.restore_expects_leases = false; }, Property::kStrict},
    {"I12", [](Rules& rules) { rules.verifier.flush_on_new_epoch = false; }, Property::kStrict},
};

struct Options {
  uint64_t first_seed = 1;
  uint64_t seeds = 20'000;
  std::optional<uint64_t> seed;
  bool trace = false;
  std::string broken;
  unsigned jobs = std::max(std::thread::hardware_concurrency(), 1u);
};

// What all seeds came to.
struct Findings {
  uint64_t seeds = 0;
  Counts counts{};
  std::optional<uint64_t> seed;  // the lowest that shows what was looked for
  std::vector<Violation> violations;
  std::optional<uint64_t> unrepeatable;  // a seed that ran otherwise the second time
};

// Takes seeds one after the other, on several threads, until one shows what is looked for.
class Search {
 public:
  Search(const Options& options, const Breakage* broken)
      : end_(options.first_seed + options.seeds), broken_(broken), next_(options.first_seed) {
    if (broken != nullptr) broken->apply(rules_);
  }

  Findings Run(unsigned jobs) {
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < jobs; ++i) threads.emplace_back([this] { Work(); });
    for (std::thread& thread : threads) thread.join();
    absl::MutexLock lock(&mutex_);
    return findings_;
  }

  // Whether the run shows what is looked for: any violation, or what a broken rule leads to.
  bool Shows(const RunResult& result) const {
    return std::any_of(result.violations.begin(), result.violations.end(),
                       [this](const Violation& violation) {
                         return broken_ == nullptr || violation.property == broken_->shows;
                       });
  }
  const Rules& rules() const { return rules_; }

 private:
  // So often a seed is run a second time.
  static constexpr uint64_t kRepeatEvery = 200;

  void Work() {
    while (!found_.load()) {
      const uint64_t seed = next_.fetch_add(1);
      if (seed >= end_) return;
      const RunResult result = RunSeed(seed, rules_, /*traced=*/false);
      const bool repeats = seed % kRepeatEvery != 0 ||
                           RunSeed(seed, rules_, /*traced=*/false).digest == result.digest;
      Take(seed, result, repeats);
    }
  }

  void Take(uint64_t seed, const RunResult& result, bool repeats) {
    absl::MutexLock lock(&mutex_);
    ++findings_.seeds;
    for (size_t i = 0; i < result.counts.size(); ++i) findings_.counts[i] += result.counts[i];
    if (!repeats) findings_.unrepeatable = seed;
    if (!Shows(result) || (findings_.seed.has_value() && *findings_.seed < seed)) return;
    found_ = true;
    findings_.seed = seed;
    findings_.violations = result.violations;
  }

  const uint64_t end_;
  const Breakage* const broken_;
  Rules rules_;
  std::atomic<uint64_t> next_;
  std::atomic<bool> found_{false};
  absl::Mutex mutex_;
  Findings findings_ ABSL_GUARDED_BY(mutex_);
};

void Print(const std::vector<Violation>& violations) {
  for (const Violation& violation : violations) {
    fmt::print("{:12.6f}  {}: {}\n", absl::ToDoubleSeconds(violation.when - absl::UnixEpoch()),
               PropertyName(violation.property), violation.text);
  }
}

// Whether everything happened at least once that a simulation is made for.
bool PrintCounts(const Counts& counts) {
  bool all = true;
  for (size_t i = 0; i < counts.size(); ++i) {
    fmt::print("  {:<40} {:>12}\n", CountName(static_cast<Count>(i)), counts[i]);
    all &= counts[i] > 0;
  }
  return all;
}

int RunOne(const Options& options, const Search& search) {
  const RunResult result = RunSeed(*options.seed, search.rules(), options.trace);
  Print(result.violations);
  fmt::print("seed {}: {} violations, digest {:016x}\n", *options.seed, result.violations.size(),
             result.digest);
  return result.violations.empty() ? 0 : 1;
}

int RunMany(const Options& options, const Breakage* broken, Search& search) {
  const auto begun = std::chrono::steady_clock::now();
  const Findings findings = search.Run(options.jobs);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  fmt::print("{} seeds in {:.1f} s{}\n", findings.seeds, took.count(),
             broken == nullptr ? "" : fmt::format(", without {}", broken->name));
  const bool all_happened = PrintCounts(findings.counts);
  if (findings.seed.has_value()) {
    fmt::print("seed {} shows:\n", *findings.seed);
    Print(findings.violations);
    fmt::print("to see it again: claviger_sim --seed {}{} --trace\n", *findings.seed,
               broken == nullptr ? "" : fmt::format(" --break {}", broken->name));
  }
  if (findings.unrepeatable.has_value()) {
    fmt::print("seed {} does not do the same each time\n", *findings.unrepeatable);
    return 1;
  }
  if (broken != nullptr) {
    if (!findings.seed.has_value())
      fmt::print("it does not show: {}\n", PropertyName(broken->shows));
    return findings.seed.has_value() ? 0 : 1;
  }
  // A few seeds need not have seen everything.
  constexpr uint64_t kEnoughForAll = 10'000;
  const bool vacuous = !all_happened && findings.seeds >= kEnoughForAll;
  if (vacuous) fmt::print("something never happened: this proves too little\n");
  return findings.seed.has_value() || vacuous ? 1 : 0;
}

int Main(int argc, char** argv) {
  std::vector<std::string> names;
  for (const Breakage& breakage : kBreakages) names.emplace_back(breakage.name);
  Options options;
  CLI::App app("Simulates the protocol behind strict revocation, seed after seed.", "claviger_sim");
  app.add_option("--seeds", options.seeds, "How many seeds")->capture_default_str();
  app.add_option("--first-seed", options.first_seed, "The first one")->capture_default_str();
  app.add_option("--seed", options.seed, "Only this one");
  app.add_flag("--trace", options.trace, "With --seed: tell what happens");
  app.add_option("--break", options.broken, "Without this rule, until it shows")
      ->check(CLI::IsMember(names));
  app.add_option("--jobs", options.jobs, "Threads")
      ->capture_default_str()
      ->check(CLI::Range(1, 256));
  CLI11_PARSE(app, argc, argv);
  // It costs a fifth of the time, and the unit tests of the same code have it.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);

  const auto* const broken =
      std::find_if(std::begin(kBreakages), std::end(kBreakages),
                   [&](const Breakage& breakage) { return breakage.name == options.broken; });
  const Breakage* const breakage = broken == std::end(kBreakages) ? nullptr : broken;
  Search search(options, breakage);
  return options.seed.has_value() ? RunOne(options, search) : RunMany(options, breakage, search);
}

}  // namespace
}  // namespace claviger::simulation

int main(int argc, char** argv) { return claviger::simulation::Main(argc, argv); }
