// P3 and P4: what a check costs that the client library answers from its cache, and whether checks
// on several cores get into each other's way.

#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "fmt/format.h"
#include "tests/bench/cached_checks.h"
#include "tests/bench/comparison.h"
#include "tests/bench/memory_latency.h"
#include "tests/bench/rows/rows.h"

namespace claviger::bench {
namespace {

constexpr uint64_t kKeys = 1'000'000;
// What can be filled in a few seconds, with a call to the server for each; its memory is still many
// times the processor's caches.
constexpr uint64_t kKeysQuick = 200'000;
constexpr double kNanoseconds = 1e9;
// Few enough for the processor's caches: what a check costs by itself.
constexpr uint64_t kKeysInProcessorCaches = 1'000;
// Beside the goal of the ratio, where the processor has instructions for SHA-256.
constexpr double kMostNanoseconds = 300;

// Checks are so many in a second that a part of what other rows need is enough.
absl::Duration Slice(const BenchEnvironment& environment) {
  return absl::Milliseconds(environment.slice_ms()) / 3;
}

bool HasShaInstructions() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (line.starts_with("flags")) return line.find(" sha_ni") != std::string::npos;
  }
  return false;
}

absl::StatusOr<Row> MeasureOneThread(const BenchEnvironment& environment, CachedChecks& checks,
                                     uint64_t among) {
  const absl::Duration slice = Slice(environment);
  Row row;
  row.set_id("P3");
  row.set_measure(fmt::format("check from the cache, {} k keys", among / 1000));
  row.set_floor_name("SHA-256 of the same keys, digest prefetched and context reused");
  row.set_unit("ns");
  row.set_goal(2.5);
  row.set_goal_is_minimum(false);
  const Measurement hash = [&]() -> absl::StatusOr<double> {
    const absl::StatusOr<double> rate = checks.HashesPerSecond(among, slice);
    if (!rate.ok()) return rate.status();
    return kNanoseconds / *rate;
  };
  const Measurement check = [&]() -> absl::StatusOr<double> {
    const absl::StatusOr<double> rate = checks.ChecksPerSecond(1, among, slice);
    if (!rate.ok()) return rate.status();
    return kNanoseconds / *rate;
  };
  if (absl::Status s = Compare(environment.rounds(), hash, check, row); !s.ok()) return s;
  if (HasShaInstructions()) {
    row.add_notes(fmt::format(
        "{} k keys: this processor has instructions for SHA-256, so that {:.0f} ns "
        "should be the most: {}",
        among / 1000, kMostNanoseconds, row.value() <= kMostNanoseconds ? "met" : "NOT MET"));
  } else {
    row.add_notes("this processor has no instructions for SHA-256");
  }
  return row;
}

absl::StatusOr<Row> MeasureAllCores(const BenchEnvironment& environment, CachedChecks& checks) {
  const absl::Duration slice = Slice(environment);
  const auto cores = static_cast<int>(std::thread::hardware_concurrency());
  Row row;
  row.set_id("P4");
  row.set_measure(fmt::format("the same on {} cores", cores));
  row.set_floor_name("the same on one core");
  row.set_unit("/s");
  row.set_goal(0.85 * cores);
  row.set_goal_is_minimum(true);
  absl::Status compared = Compare(
      environment.rounds(),
      [&] { return checks.ChecksPerSecond(1, checks.filled().cached_keys, slice); },
      [&] { return checks.ChecksPerSecond(cores, checks.filled().cached_keys, slice); }, row);
  if (!compared.ok()) return compared;
  return row;
}

}  // namespace

absl::StatusOr<std::vector<Row>> MeasureCachedChecks(BenchEnvironment& environment) {
  const auto checks =
      CachedChecks::Make(environment, environment.options().quick ? kKeysQuick : kKeys);
  if (!checks.ok()) return checks.status();
  const ClientState& filled = (*checks)->filled();
  absl::StatusOr<Row> few = MeasureOneThread(environment, **checks, kKeysInProcessorCaches);
  if (!few.ok()) return few.status();
  absl::StatusOr<Row> one = MeasureOneThread(environment, **checks, filled.cached_keys);
  if (!one.ok()) return one.status();
  one->add_notes(fmt::format(
      "the cache takes {} bytes for a key; one load from as much memory, at random and waiting for "
      "the one before, takes {:.0f} ns here",
      filled.cache_bytes / filled.cached_keys, MemoryLatencyNanoseconds(filled.cache_bytes)));
  absl::StatusOr<Row> all = MeasureAllCores(environment, **checks);
  if (!all.ok()) return all.status();
  return std::vector<Row>{*std::move(few), *std::move(one), *std::move(all)};
}

}  // namespace claviger::bench
