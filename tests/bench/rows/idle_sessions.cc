// P13: what verifiers cost the server that only keep their lease.

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "fmt/format.h"
#include "tests/bench/claviger_server.h"
#include "tests/bench/comparison.h"
#include "tests/bench/floor_server.h"
#include "tests/bench/key_set.h"
#include "tests/bench/rows/rows.h"
#include "tests/bench/session_client.h"
#include "tests/bench/sync_floor.h"

namespace claviger::bench {
namespace {

constexpr uint32_t kSessions = 1000;
// Before the memory is looked at, so that what the first ones cost once is not counted.
constexpr uint32_t kFirstSessions = 50;

// What they cost one server.
struct Cost {
  double kib_each = 0;
  double percent_of_a_core = 0;
};

absl::StatusOr<std::unique_ptr<SessionClient>> Connect(const BenchEnvironment& environment,
                                                       const std::string& target,
                                                       const std::string& authorization,
                                                       uint32_t sessions) {
  SessionSpec spec;
  spec.set_target(target);
  spec.set_authorization(authorization);
  spec.set_sessions(sessions);
  // As verifiers have: one each.
  spec.set_connections(sessions);
  return SessionClient::Start(environment.self(), spec);
}

// `Server` is a ClavigerServer or a FloorServer, just started.
template <typename Server>
absl::StatusOr<Cost> MeasureCost(const BenchEnvironment& environment, const Server& server,
                                 const std::string& authorization) {
  const auto first = Connect(environment, server.address(), authorization, kFirstSessions);
  if (!first.ok()) return first.status();
  const size_t before = server.ResidentBytes();
  const auto sessions = Connect(environment, server.address(), authorization, kSessions);
  if (!sessions.ok()) return sessions.status();

  const absl::Time start = absl::Now();
  const absl::Duration used = server.CpuTime();
  // A whole number of beats.
  absl::SleepFor(absl::Seconds(environment.options().quick ? 1 : 5));
  const double share = absl::FDivDuration(server.CpuTime() - used, absl::Now() - start);
  const size_t after = server.ResidentBytes();
  return Cost{.kib_each = static_cast<double>(after - std::min(before, after)) / 1024 / kSessions,
              .percent_of_a_core = 100 * share * kSessions / (kSessions + kFirstSessions)};
}

Row NewRow(std::string measure, std::string unit, double goal) {
  Row row;
  row.set_id("P13");
  row.set_measure(std::move(measure));
  row.set_floor_name("as many bare streams with the same messages; the goal is the value's own");
  row.set_unit(std::move(unit));
  row.set_goal(goal);
  row.set_goal_is_minimum(false);
  row.set_goal_is_of_value(true);
  return row;
}

}  // namespace

absl::StatusOr<std::vector<Row>> MeasureIdleSessions(BenchEnvironment& environment) {
  const int rounds = environment.options().quick ? 2 : 5;
  Row memory = NewRow(fmt::format("memory of {} idle sessions, each", kSessions), "KiB", 40);
  Row cpu = NewRow(fmt::format("{} idle sessions, share of a core", kSessions), "%", 2);
  std::vector<double> floor_memory;
  std::vector<double> value_memory;
  std::vector<double> floor_cpu;
  std::vector<double> value_cpu;
  for (int round = 0; round < rounds; ++round) {
    const auto keys = MakeKeySet(environment, /*count=*/0);
    if (!keys.ok()) return keys.status();
    const auto server = ClavigerServer::Start(environment, keys->data_dir);
    if (!server.ok()) return server.status();
    const auto value = MeasureCost(environment, **server, (*server)->authorization());
    if (!value.ok()) return value.status();
    const auto bare =
        FloorServer::Start(environment.self(), SyncFloorMode(environment.NewPath("floor")));
    if (!bare.ok()) return bare.status();
    const auto floor = MeasureCost(environment, **bare, (*server)->authorization());
    if (!floor.ok()) return floor.status();
    floor_memory.push_back(floor->kib_each);
    value_memory.push_back(value->kib_each);
    floor_cpu.push_back(floor->percent_of_a_core);
    value_cpu.push_back(value->percent_of_a_core);
    Progress(
        fmt::format("P13 round {} of {}: floor {:.1f} KiB and {:.2f} %, value {:.1f} KiB and "
                    "{:.2f} %",
                    round + 1, rounds, floor->kib_each, floor->percent_of_a_core, value->kib_each,
                    value->percent_of_a_core));
  }
  if (absl::Status s = Summarize(floor_memory, value_memory, memory); !s.ok()) return s;
  if (absl::Status s = Summarize(floor_cpu, value_cpu, cpu); !s.ok()) return s;
  // One beat a second: a per cent of a core for 1,000 sessions is 10 us for each.
  constexpr double kMicrosecondsPerPercent = 1e4 / kSessions;
  cpu.add_notes(
      fmt::format("CPU time of the server for a beat and its answer: floor {:.0f} us, ours "
                  "{:.0f} us",
                  cpu.floor() * kMicrosecondsPerPercent, cpu.value() * kMicrosecondsPerPercent));
  return std::vector<Row>{std::move(memory), std::move(cpu)};
}

}  // namespace claviger::bench
