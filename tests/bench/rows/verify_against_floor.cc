#include "tests/bench/rows/verify_against_floor.h"

#include <functional>
#include <vector>

#include "absl/time/time.h"
#include "fmt/format.h"
#include "tests/bench/claviger_server.h"
#include "tests/bench/comparison.h"
#include "tests/bench/floor_server.h"
#include "tests/bench/key_set.h"
#include "tests/bench/load_client.h"
#include "tests/bench/verify_load.h"

namespace claviger::bench {
namespace {

constexpr uint64_t kKeys = 10'000;

// What is compared: a load, and the server that bears it.
struct Side {
  LoadSpec load;
  std::function<absl::Duration()> cpu_time;
  std::vector<double> cpu_us_per_call = {};
  LoadResult last = {};
};

absl::StatusOr<double> Measure(const BenchEnvironment& environment,
                               double (*figure)(const LoadResult& result), Side& side) {
  const absl::Duration before = side.cpu_time();
  const absl::StatusOr<LoadResult> result = RunLoad(environment.self(), side.load);
  if (!result.ok()) return result.status();
  side.cpu_us_per_call.push_back(absl::ToDoubleMicroseconds(side.cpu_time() - before) /
                                 static_cast<double>(result->all_calls()));
  side.last = *result;
  return figure(*result);
}

}  // namespace

absl::Status CompareVerifyWithFloor(BenchEnvironment& environment, uint32_t in_flight,
                                    double (*figure)(const LoadResult& result), Row& row) {
  const auto keys = MakeKeySet(environment, kKeys);
  if (!keys.ok()) return keys.status();
  const auto server = ClavigerServer::Start(environment, keys->data_dir);
  if (!server.ok()) return server.status();
  const auto floor_server = FloorServer::Start(environment.self());
  if (!floor_server.ok()) return floor_server.status();
  const LoadSpec load = VerifyLoad(environment, **server, *keys, in_flight);
  const auto floor_load = FloorLoad(environment, **floor_server, load);
  if (!floor_load.ok()) return floor_load.status();
  Side floor{.load = *floor_load, .cpu_time = [&] { return (*floor_server)->CpuTime(); }};
  Side verify{.load = load, .cpu_time = [&] { return (*server)->CpuTime(); }};
  absl::Status compared = Compare(
      environment.rounds(), [&] { return Measure(environment, figure, floor); },
      [&] { return Measure(environment, figure, verify); }, row);
  if (!compared.ok()) return compared;
  const uint32_t answer_bytes = verify.last.answer_bytes();
  if (answer_bytes != floor.last.answer_bytes()) {
    return absl::InternalError(fmt::format("answers of {} and {} bytes cannot be compared",
                                           answer_bytes, floor.last.answer_bytes()));
  }
  row.add_notes(fmt::format("CPU time of the server for a call: floor {:.1f} us, Verify {:.1f} us",
                            Median(floor.cpu_us_per_call), Median(verify.cpu_us_per_call)));
  row.add_notes(fmt::format("requests of {} bytes, answers of {}, {} connection, {} keys",
                            load.request().size(), answer_bytes, kConnections, kKeys));
  return absl::OkStatus();
}

}  // namespace claviger::bench
