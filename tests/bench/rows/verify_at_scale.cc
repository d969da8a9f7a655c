// P7, P8 and P9: what many keys cost: a check, memory, and the time to be back after a crash.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "fmt/format.h"
#include "tests/bench/check_probe.h"
#include "tests/bench/claviger_server.h"
#include "tests/bench/comparison.h"
#include "tests/bench/issue_load.h"
#include "tests/bench/key_set.h"
#include "tests/bench/load_client.h"
#include "tests/bench/measured_load.h"
#include "tests/bench/rows/rows.h"
#include "tests/bench/verify_load.h"

namespace claviger::bench {
namespace {

constexpr uint64_t kFewKeys = 10'000;
constexpr uint64_t kManyKeys = 10'000'000;
constexpr uint64_t kManyKeysQuick = 1'000'000;
constexpr uint32_t kInFlight = 64;
// What clavigerd has for its caches by default, and what it may take beside.
constexpr double kMemoryMiB = 256;
constexpr double kBesideMiB = 256;
constexpr double kMiB = 1 << 20;
constexpr int kRestarts = 5;
// Of issued keys before each crash: the log that is to be replayed is as a busy server leaves it.
constexpr uint32_t kIssueMs = 3000;

// A server over a set of keys of its own.
struct Side {
  KeySet keys;
  std::unique_ptr<ClavigerServer> server;
  LoadSpec load;
};

absl::StatusOr<Side> MakeSide(BenchEnvironment& environment, uint64_t count) {
  Side side;
  auto keys = MakeKeySet(environment, count);
  if (!keys.ok()) return keys.status();
  side.keys = *std::move(keys);
  auto server = ClavigerServer::Start(environment, side.keys.data_dir);
  if (!server.ok()) return server.status();
  side.server = *std::move(server);
  side.load = VerifyLoad(environment, *side.server, side.keys, kInFlight);
  absl::Status filled = FillCaches(environment, *side.server, side.load);
  if (!filled.ok()) return filled;
  return side;
}

absl::StatusOr<Row> MeasureChecks(const BenchEnvironment& environment, const Side& few_side,
                                  const Side& many_side) {
  const uint64_t many = many_side.keys.count / 1'000'000;
  Row row;
  row.set_id("P7");
  row.set_measure(fmt::format("Verify over {} M keys, 64 in flight", many));
  row.set_floor_name("the same over 10,000 keys");
  row.set_unit("/s");
  row.set_goal(0.85);
  row.set_goal_is_minimum(true);
  MeasuredLoad few(environment.self(), few_side.load, [&] { return few_side.server->CpuTime(); });
  MeasuredLoad all(environment.self(), many_side.load, [&] { return many_side.server->CpuTime(); });
  absl::Status compared = Compare(
      environment.rounds(), [&] { return few.Measure(CallsPerSecond); },
      [&] { return all.Measure(CallsPerSecond); }, row);
  if (!compared.ok()) return compared;
  row.add_notes(
      fmt::format("CPU time of the server for a call: 10,000 keys {:.1f} us, {} M keys {:.1f} us",
                  few.ServerMicrosecondsPerCall(), many, all.ServerMicrosecondsPerCall()));
  const auto hits = many_side.server->Metric(kRecordCacheHits);
  const auto misses = many_side.server->Metric(kRecordCacheMisses);
  if (hits.ok() && misses.ok()) {
    row.add_notes(fmt::format(
        "{:.0f} % of the look-ups of records (caller's and checked key's) were answered by the "
        "record cache, the others by the store",
        100 * *hits / (*hits + *misses)));
  }
  return row;
}

// Of a server that has had all the checks of MeasureChecks.
absl::StatusOr<Row> MeasureMemory(const Side& many_side) {
  Row row;
  row.set_id("P8");
  row.set_measure(
      fmt::format("memory of clavigerd over {} M keys", many_side.keys.count / 1'000'000));
  row.set_floor_name("--memory, 256 MiB, and as much again");
  row.set_unit("MiB");
  row.set_goal(1);
  row.set_goal_is_minimum(false);
  const double resident = static_cast<double>(many_side.server->ResidentBytes()) / kMiB;
  if (absl::Status s = Summarize({kMemoryMiB + kBesideMiB}, {resident}, row); !s.ok()) return s;
  return row;
}

// Seconds from the start of the program to the first good answer, after SIGKILL while keys were
// issued.
absl::StatusOr<double> SecondsToFirstCheck(BenchEnvironment& environment, Side& side) {
  LoadSpec issues = IssueLoad(environment, *side.server);
  issues.set_measure_ms(kIssueMs);
  if (const auto issued = RunLoad(environment.self(), issues); !issued.ok()) {
    return issued.status();
  }
  if (absl::Status s = side.server->Kill(); !s.ok()) return s;
  const absl::StatusOr<std::string> key = KeyAt(side.keys, side.keys.count / 2);
  if (!key.ok()) return key.status();
  const absl::Time begun = absl::Now();
  auto server = ClavigerServer::Start(environment, side.keys.data_dir);
  if (!server.ok()) return server.status();
  side.server = *std::move(server);
  if (const auto checked = CheckProbe(*side.server).Check(*key, v1::VERIFY_CODE_VALID);
      !checked.ok()) {
    return checked.status();
  }
  return absl::ToDoubleSeconds(absl::Now() - begun);
}

absl::StatusOr<Row> MeasureRestarts(BenchEnvironment& environment, Side& few_side,
                                    Side& many_side) {
  Row row;
  row.set_id("P9");
  row.set_measure(fmt::format("start to first Verify over {} M keys, after kill -9",
                              many_side.keys.count / 1'000'000));
  row.set_floor_name("the same over 10,000 keys; the goal is the value's own");
  row.set_unit("s");
  row.set_goal(2);
  row.set_goal_is_minimum(false);
  row.set_goal_is_of_value(true);
  absl::Status compared = Compare(
      kRestarts, [&] { return SecondsToFirstCheck(environment, few_side); },
      [&] { return SecondsToFirstCheck(environment, many_side); }, row);
  if (!compared.ok()) return compared;
  return row;
}

}  // namespace

absl::StatusOr<std::vector<Row>> MeasureVerifyAtScale(BenchEnvironment& environment) {
  auto few_side = MakeSide(environment, kFewKeys);
  if (!few_side.ok()) return few_side.status();
  auto many_side = MakeSide(environment, environment.options().quick ? kManyKeysQuick : kManyKeys);
  if (!many_side.ok()) return many_side.status();
  auto checks = MeasureChecks(environment, *few_side, *many_side);
  if (!checks.ok()) return checks.status();
  auto memory = MeasureMemory(*many_side);
  if (!memory.ok()) return memory.status();
  auto restarts = MeasureRestarts(environment, *few_side, *many_side);
  if (!restarts.ok()) return restarts.status();
  return std::vector<Row>{*std::move(checks), *std::move(memory), *std::move(restarts)};
}

}  // namespace claviger::bench
