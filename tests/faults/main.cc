// claviger_storage_faults: what becomes of a store when its disk fails it.
//
// Each mode runs one short scenario again and again, each time with one fault at another of its
// file operations, or with another damage done to its files afterwards. Then the store must open
// with everything that was acknowledged, whole, or refuse and say what to do:
//   claviger_storage_faults --mode power-loss --workers 4
// Every fifteenth case, and so some of each kind:
//   claviger_storage_faults --mode power-loss --every 15
// One case again, in this process, for a debugger:
//   claviger_storage_faults --mode power-loss --only 812
//
// The cases run in a process of their own, because an assertion in RocksDB ends that: such a case
// is counted as aborted, and the next one goes on in a new process.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/base/thread_annotations.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/synchronization/mutex.h"
#include "fmt/format.h"
#include "tests/faults/case_list.h"
#include "tests/support/child_process.h"
#include "tests/support/interrupt.h"

namespace claviger {
namespace {

constexpr absl::Duration kCaseTimeout = absl::Seconds(120);

struct Options {
  std::string mode;
  uint64_t every = 1;
  uint64_t workers = 1;
  uint64_t first = 0;  // of a worker, as the next
  uint64_t step = 1;
  int64_t only = -1;
  bool worker = false;
};

// Lines to the parent: `total N`, `begin CASE`, `end CASE OUTCOME-NUMBER WHAT<TAB>TEXT`.
int Work(const Options& options) {
  auto cases = CaseList::Make(options.mode);
  if (!cases.ok()) {
    fmt::print(stderr, "{}\n", cases.status().ToString());
    return 1;
  }
  const auto run = [&](uint64_t number) {
    fmt::print("begin {}\n", number);
    std::fflush(stdout);
    const NamedResult result = (*cases)->Run(number);
    fmt::print("end {} {} {}\t{}\n", number, static_cast<int>(result.outcome), result.what,
               result.text);
    std::fflush(stdout);
  };
  fmt::print("total {}\n", (*cases)->size());
  if (options.only >= 0) {
    run(static_cast<uint64_t>(options.only));
    return 0;
  }
  for (uint64_t number = options.first; number < (*cases)->size(); number += options.step) {
    run(number);
  }
  return 0;
}

// What all cases came to.
//
// Thread safety: all methods may be called from any thread at once.
class Tally {
 public:
  void SetAll(uint64_t cases) {
    absl::MutexLock lock(&mutex_);
    all_ = std::max(all_, cases);
  }
  void Count(uint64_t number, std::string_view outcome, std::string_view what,
             std::string_view text, bool bad) {
    absl::MutexLock lock(&mutex_);
    ++outcomes_[std::string(outcome)];
    ++by_what_[std::string(what)][std::string(outcome)];
    if (!bad) return;
    ++bad_;
    fmt::print("case {}: {} ({}): {}\n", number, outcome, what, text);
    std::fflush(stdout);
  }
  // Whether all is well.
  bool Print(std::string_view mode) const {
    absl::MutexLock lock(&mutex_);
    uint64_t total = 0;
    for (const auto& [what, outcomes] : by_what_) {
      fmt::print("  {:<28}", what);
      for (const auto& [outcome, count] : outcomes) {
        fmt::print("  {} {}", outcome, count);
        total += count;
      }
      fmt::print("\n");
    }
    const auto of = [&](const char* name) {
      const auto it = outcomes_.find(name);
      return it == outcomes_.end() ? 0 : it->second;
    };
    fmt::print(
        "{}: {} of {} cases, {} served, {} refused, {} found by a read, {} not reached, {} lost, "
        "{} aborted\n",
        mode, total, all_, of("served"), of("refused"), of("found by a read"), of("not reached"),
        of("LOST"), of("ABORTED"));
    return bad_ == 0 && of("served") > 0;
  }

 private:
  mutable absl::Mutex mutex_;
  std::map<std::string, uint64_t> outcomes_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::map<std::string, uint64_t>> by_what_ ABSL_GUARDED_BY(mutex_);
  uint64_t all_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t bad_ ABSL_GUARDED_BY(mutex_) = 0;
};

// One process's cases, from `next` on. Whether all are done; else `next` is the one to go on with.
absl::StatusOr<bool> Watch(const Options& options, uint64_t& next, Tally& tally) {
  auto child = ChildProcess::Start(
      {.argv = {"/proc/self/exe", "--mode", options.mode, "--first", std::to_string(next), "--step",
                std::to_string(options.step), "--worker"}});
  if (!child.ok()) return child.status();
  uint64_t total = 0;
  std::string running;
  while (true) {
    const absl::StatusOr<std::string> line = (*child)->ReadLine(kCaseTimeout);
    if (!line.ok()) {
      if (absl::IsCancelled(line.status())) return line.status();
      if (running.empty()) {
        if (total > 0 && next >= total) return true;
        return line.status();
      }
      tally.Count(next, "ABORTED", "process", line.status().ToString(), true);
      next += options.step;
      return next >= total;
    }
    const std::vector<std::string> words = absl::StrSplit(*line, absl::MaxSplits(' ', 3));
    if (words[0] == "total") {
      if (words.size() < 2 || !absl::SimpleAtoi(words[1], &total)) {
        return absl::InternalError("no total: " + *line);
      }
      tally.SetAll(total);
    } else if (words[0] == "begin") {
      running = words.at(1);
      if (!absl::SimpleAtoi(running, &next)) return absl::InternalError("no number: " + *line);
    } else if (words[0] == "end" && words.size() == 4) {
      int outcome = 0;
      if (!absl::SimpleAtoi(words[2], &outcome)) return absl::InternalError(*line);
      const std::pair<std::string, std::string> what =
          absl::StrSplit(words[3], absl::MaxSplits('\t', 1));
      tally.Count(next, kOutcomeNames[outcome], what.first, what.second,
                  static_cast<Outcome>(outcome) == Outcome::kLost);
      running.clear();
      next += options.step;
    } else {
      fmt::print("{}\n", *line);
    }
  }
}

// Every `step`th case from `first` on.
absl::Status RunSome(const Options& options, Tally& tally) {
  uint64_t next = options.first;
  while (true) {
    const absl::StatusOr<bool> done = Watch(options, next, tally);
    if (!done.ok()) return done.status();
    if (*done) return absl::OkStatus();
  }
}

int RunAll(const Options& options) {
  CatchInterrupts();
  Tally tally;
  std::vector<absl::Status> ends(options.workers);
  std::vector<std::thread> workers;
  for (uint64_t i = 0; i < options.workers; ++i) {
    Options share = options;
    share.first = options.every / 2 + i * options.every;
    share.step = options.every * options.workers;
    workers.emplace_back([share, &tally, &end = ends[i]] { end = RunSome(share, tally); });
  }
  for (std::thread& worker : workers) worker.join();
  bool ended = true;
  for (const absl::Status& end : ends) {
    if (end.ok()) continue;
    fmt::print("{}\n", end.ToString());
    ended = false;
  }
  return tally.Print(options.mode) && ended ? 0 : 1;
}

int Main(int argc, char** argv) {
  Options options;
  CLI::App app("What becomes of a store when its disk fails it.");
  app.add_option("--mode", options.mode)->required()->check(CLI::IsMember(CaseList::Modes()));
  app.add_option("--every", options.every, "one case in so many; odd, for all kinds of them")
      ->check(CLI::PositiveNumber);
  app.add_option("--workers", options.workers, "cases at once")->check(CLI::Range(1, 64));
  app.add_option("--first", options.first, "a worker's first case");
  app.add_option("--step", options.step, "from one of a worker's cases to its next")
      ->check(CLI::PositiveNumber);
  app.add_option("--only", options.only, "one case, in this process");
  app.add_flag("--worker", options.worker, "runs cases for another process");
  CLI11_PARSE(app, argc, argv);
  return options.worker || options.only >= 0 ? Work(options) : RunAll(options);
}

}  // namespace
}  // namespace claviger

int main(int argc, char** argv) { return claviger::Main(argc, argv); }
