// P7: whether a check stays as cheap when there are many keys.

#include "fmt/format.h"
#include "tests/bench/claviger_server.h"
#include "tests/bench/comparison.h"
#include "tests/bench/key_set.h"
#include "tests/bench/measured_load.h"
#include "tests/bench/rows/rows.h"
#include "tests/bench/verify_load.h"

namespace claviger::bench {
namespace {

constexpr uint64_t kFewKeys = 10'000;
constexpr uint64_t kManyKeys = 10'000'000;
constexpr uint64_t kManyKeysQuick = 1'000'000;
constexpr uint32_t kInFlight = 64;

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

}  // namespace

absl::StatusOr<std::vector<Row>> MeasureVerifyAtScale(BenchEnvironment& environment) {
  const uint64_t many = environment.options().quick ? kManyKeysQuick : kManyKeys;
  Row row;
  row.set_id("P7");
  row.set_measure(fmt::format("Verify over {} M keys, 64 in flight", many / 1'000'000));
  row.set_floor_name("the same over 10,000 keys");
  row.set_unit("/s");
  row.set_goal(0.85);
  row.set_goal_is_minimum(true);
  const auto few_side = MakeSide(environment, kFewKeys);
  if (!few_side.ok()) return few_side.status();
  const auto many_side = MakeSide(environment, many);
  if (!many_side.ok()) return many_side.status();
  MeasuredLoad few(environment.self(), few_side->load, [&] { return few_side->server->CpuTime(); });
  MeasuredLoad all(environment.self(), many_side->load,
                   [&] { return many_side->server->CpuTime(); });
  absl::Status compared = Compare(
      environment.rounds(), [&] { return few.Measure(CallsPerSecond); },
      [&] { return all.Measure(CallsPerSecond); }, row);
  if (!compared.ok()) return compared;
  row.add_notes(fmt::format(
      "CPU time of the server for a call: 10,000 keys {:.1f} us, {} M keys {:.1f} us",
      few.ServerMicrosecondsPerCall(), many / 1'000'000, all.ServerMicrosecondsPerCall()));
  const auto hits = many_side->server->Metric(kRecordCacheHits);
  const auto misses = many_side->server->Metric(kRecordCacheMisses);
  if (hits.ok() && misses.ok()) {
    row.add_notes(fmt::format(
        "{:.0f} % of the look-ups of records (caller's and checked key's) were answered by the "
        "record cache, the others by the store",
        100 * *hits / (*hits + *misses)));
  }
  return std::vector<Row>{std::move(row)};
}

}  // namespace claviger::bench
