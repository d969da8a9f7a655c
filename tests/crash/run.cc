#include "tests/crash/run.h"

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <iterator>
#include <memory>
#include <random>
#include <thread>
#include <utility>

#include "core/platform/system_clock.h"
#include "fmt/format.h"
#include "tests/crash/caller.h"
#include "tests/crash/first_starts.h"
#include "tests/crash/observer.h"
#include "tests/crash/server_folder.h"
#include "tests/crash/settlement.h"
#include "tests/history/checker.h"
#include "tests/support/interrupt.h"
#include "tests/support/scratch_folder.h"

namespace claviger::crash {
namespace {

// When a load is ended: after some time, or with some answer, each up to these.
constexpr absl::Duration kLongestLoad = absl::Milliseconds(60);
constexpr uint64_t kMostAnswers = 120;
// For a machine on which answers take long.
constexpr absl::Duration kLongestWait = absl::Seconds(10);
// One cycle in so many …
constexpr uint64_t kKillsWhileStartingOneIn = 6;
constexpr uint64_t kKillsWhileStoppingOneIn = 12;
constexpr uint64_t kCopiesOneIn = 20;
constexpr uint64_t kLooksAtEverythingOneIn = 100;
// Longer than the server takes to end.
constexpr absl::Duration kLongestStop = absl::Milliseconds(60);
constexpr uint64_t kSavedAt = 5;
constexpr uint64_t kPutBackAt = 8;
constexpr size_t kViolationsShown = 20;

class Driver {
 public:
  Driver(const RunOptions& options, ServerFolder& server, const Clock& clock)
      : options_(options), server_(server), clock_(clock), random_(options.seed) {}

  absl::Status Run() {
    if (absl::Status s = Begin(); !s.ok()) return s;
    const absl::Duration begun = clock_.SinceBoot();
    const auto is_over = [&] {
      return options_.seconds > 0 ? clock_.SinceBoot() - begun >= absl::Seconds(options_.seconds)
                                  : report_.cycles >= options_.cycles;
    };
    while (!is_over() && report_.violations.empty()) {
      ++report_.cycles;
      if (absl::Status s = Cycle(); !s.ok()) {
        return absl::Status(s.code(),
                            fmt::format("cycle {}: {}", report_.cycles, std::string(s.message())));
      }
    }
    if (report_.violations.empty()) {
      if (absl::Status s = End(); !s.ok()) return s;
    }
    report_.counts = ledger_.book().counts;
    report_.keys = ledger_.book().keys.size();
    report_.audit_entries = ledger_.book().audit_revision;
    report_.starts = server_.starts();
    return absl::OkStatus();
  }

  Report& report() { return report_; }

 private:
  // What is there before anybody has asked for anything.
  absl::Status Begin() {
    if (absl::Status s = server_.Start(); !s.ok()) return s;
    name_ = "key:" + server_.root_key_id();
    const TestCaller root = server_.Connect();
    const absl::StatusOr<v1::Key> key = ReadKey(root, server_.root_key_id());
    if (!key.ok()) return key.status();
    ledger_.book().Add(kNobody, *key, server_.root_key());
    return Look(Scope::kEverything);
  }

  absl::Status Cycle() {
    if (absl::Status s = EndLoad(); !s.ok()) return s;
    if (!ledger_.book().unexplained.ok()) return ledger_.book().unexplained;
    if (report_.cycles % kCopiesOneIn == 0) {
      if (absl::Status s = VerifyCopy(); !s.ok()) return s;
    }
    if (absl::Status s = RollBack(); !s.ok()) return s;
    if (absl::Status s = StartAgain(); !s.ok()) return s;
    return Look(report_.cycles % kLooksAtEverythingOneIn == 0 ? Scope::kEverything
                                                              : Scope::kTouched);
  }

  // A load, and the end of the server in the midst of it.
  absl::Status EndLoad() {
    const bool by_answers = random_() % 2 == 0;
    Load load(by_answers ? static_cast<int64_t>(1 + random_() % kMostAnswers)
                         : std::numeric_limits<int64_t>::max());
    std::vector<std::unique_ptr<Caller>> callers;
    for (uint32_t number = 0; number < options_.callers; ++number) {
      callers.push_back(std::make_unique<Caller>(
          Caller::Options{
              .number = number, .cycle = report_.cycles, .seed = random_(), .name = name_},
          server_.Connect(), ledger_, load));
    }
    const absl::Duration duration = Draw(kLongestLoad);
    const absl::Duration stop = Draw(kLongestStop);
    const bool asks_first = random_() % kKillsWhileStoppingOneIn == 0;
    std::vector<std::thread> threads;
    threads.reserve(callers.size());
    for (const auto& caller : callers) threads.emplace_back([&caller] { caller->Run(); });
    absl::Status status;
    if (by_answers) {
      load.enough().WaitForNotificationWithTimeout(kLongestWait);
    } else {
      status = WaitUnlessInterrupted(duration);
    }
    load.BeginEnd();
    status.Update(asks_first ? server_.KillWhileStopping(stop) : server_.Kill());
    for (std::thread& thread : threads) thread.join();
    ++(asks_first ? report_.kills_stopping : report_.kills);
    return status;
  }

  absl::Status StartAgain() {
    const absl::Duration usual = history::Percentile(server_.starts(), 50);
    while (random_() % kKillsWhileStartingOneIn == 0) {
      ++report_.kills_starting;
      if (absl::Status s = server_.KillWhileStarting(Draw(usual * 1.2)); !s.ok()) return s;
    }
    return server_.Start();
  }

  absl::Status VerifyCopy() {
    const absl::StatusOr<Revision> revision = server_.VerifyCopy();
    if (!revision.ok()) return revision.status();
    ++report_.store_copies;
    return absl::OkStatus();
  }

  absl::Status RollBack() {
    if (!options_.broken) return absl::OkStatus();
    if (report_.cycles == kSavedAt) return server_.Save();
    return report_.cycles == kPutBackAt ? server_.PutBack() : absl::OkStatus();
  }

  absl::Status Look(Scope scope) {
    const TestCaller root = server_.Connect();
    const absl::StatusOr<Observed> seen = Observe(root, ledger_.book(), scope);
    if (!seen.ok()) return seen.status();
    report_.violations = Settle(ledger_.book(), *seen);
    if (scope != Scope::kTouched) ++report_.full_checks;
    return CheckInterrupt();
  }

  // Asks again for all that was not answered, with nobody killed, and looks at everything.
  absl::Status End() {
    Load load(std::numeric_limits<int64_t>::max());
    for (uint32_t number = 0; number < options_.callers; ++number) {
      Caller({.number = number, .cycle = report_.cycles, .seed = random_(), .name = name_},
             server_.Connect(), ledger_, load)
          .AskAgain();
    }
    if (!ledger_.book().unexplained.ok()) return ledger_.book().unexplained;
    return Look(Scope::kEveryIndex);
  }

  absl::Duration Draw(absl::Duration most) {
    return most * std::uniform_real_distribution<double>(0, 1)(random_);
  }

  const RunOptions& options_;
  ServerFolder& server_;
  const Clock& clock_;
  std::mt19937_64 random_;
  Ledger ledger_;
  std::string name_;  // of the callers, as the server has it
  Report report_;
};

}  // namespace

absl::StatusOr<Report> Run(const RunOptions& options) {
  const SystemClock clock;
  const absl::StatusOr<std::unique_ptr<ScratchFolder>> folder = ScratchFolder::Make(options.folder);
  if (!folder.ok()) return folder.status();
  ServerFolder server(options.server, (*folder)->path(), clock);
  Driver driver(options, server, clock);
  if (absl::Status s = driver.Run(); !s.ok()) {
    std::cerr << server.Logs();
    return s;
  }
  if (!driver.report().violations.empty()) {
    std::cerr << server.Logs();
    return std::move(driver.report());
  }
  const absl::Status started =
      KillFirstStarts({.server = options.server,
                       .folder = (*folder)->path(),
                       .seed = options.seed,
                       .count = options.first_starts,
                       .usual = history::Percentile(driver.report().starts, 50)},
                      clock);
  if (!started.ok()) return started;
  driver.report().first_starts = options.first_starts;
  return std::move(driver.report());
}

std::string Render(const RunOptions& options, const Report& report) {
  const Counts& counts = report.counts;
  std::string text;
  auto out = std::back_inserter(text);
  const auto start = [&](int percent) {
    return absl::FormatDuration(
        absl::Trunc(history::Percentile(report.starts, percent), absl::Milliseconds(1)));
  };
  fmt::format_to(
      out,
      "kills       {} under load, {} while it stopped, {} while it started; {} in first starts\n",
      report.kills, report.kills_stopping, report.kills_starting, report.first_starts);
  fmt::format_to(out, "starts      p50 {}, longest {}\n", start(50), start(100));
  fmt::format_to(out, "unanswered  {} calls: {} changes there, {} not\n", counts.unanswered,
                 counts.unanswered_present, counts.unanswered_absent);
  fmt::format_to(out, "asked again {} got the key that was made, {} made it\n",
                 counts.retries_of_present, counts.retries_of_absent);
  fmt::format_to(out,
                 "looked at   {} keys and {} audit entries at the end, all of them {} times; {} "
                 "copies of the store\n",
                 report.keys, report.audit_entries, report.full_checks, report.store_copies);
  fmt::format_to(out, "violations  {}\n", report.violations.size());
  for (size_t i = 0; i < std::min(report.violations.size(), kViolationsShown); ++i) {
    fmt::format_to(out, "            {}: {}\n", ViolationKindName(report.violations[i].kind),
                   report.violations[i].what);
  }
  fmt::format_to(
      out, "crash: seed {}, {} cycles, {} acknowledged, {} lost, {} unanswered but present\n",
      options.seed, report.cycles, counts.acknowledged, counts.lost, counts.unanswered_present);
  return text;
}

}  // namespace claviger::crash
