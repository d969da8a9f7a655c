#include "tests/bench/rows/verify_against_floor.h"

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
  uint32_t answer_bytes = 0;
  const auto run = [&](const LoadSpec& spec) -> absl::StatusOr<double> {
    const auto result = RunLoad(environment.self(), spec);
    if (!result.ok()) return result.status();
    if (answer_bytes != 0 && answer_bytes != result->answer_bytes()) {
      row.add_notes(fmt::format("answers of {} and {} bytes were compared", answer_bytes,
                                result->answer_bytes()));
    }
    answer_bytes = result->answer_bytes();
    return figure(*result);
  };
  if (absl::Status s = Compare(
          environment.rounds(), [&] { return run(*floor_load); }, [&] { return run(load); }, row);
      !s.ok()) {
    return s;
  }
  row.add_notes(fmt::format("requests of {} bytes, answers of {}, {} connection, {} keys",
                            load.request().size(), answer_bytes, kConnections, kKeys));
  return absl::OkStatus();
}

}  // namespace claviger::bench
