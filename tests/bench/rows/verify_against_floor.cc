#include "tests/bench/rows/verify_against_floor.h"

#include "fmt/format.h"
#include "tests/bench/claviger_server.h"
#include "tests/bench/comparison.h"
#include "tests/bench/floor_server.h"
#include "tests/bench/key_set.h"
#include "tests/bench/verify_load.h"

namespace claviger::bench {
namespace {

constexpr uint64_t kKeys = 10'000;
// Enough that all caches fill in a few measurements.
constexpr uint32_t kFillingInFlight = 64;

}  // namespace

absl::Status CompareVerifyWithFloor(BenchEnvironment& environment, uint32_t in_flight,
                                    LoadFigure figure, Row& row) {
  const auto keys = MakeKeySet(environment, kKeys);
  if (!keys.ok()) return keys.status();
  const auto server = ClavigerServer::Start(environment, keys->data_dir);
  if (!server.ok()) return server.status();
  const auto floor_server = FloorServer::Start(environment.self());
  if (!floor_server.ok()) return floor_server.status();
  absl::Status filled =
      FillCaches(environment, **server, VerifyLoad(environment, **server, *keys, kFillingInFlight));
  if (!filled.ok()) return filled;
  const LoadSpec load = VerifyLoad(environment, **server, *keys, in_flight);
  auto floor_load = FloorLoad(environment, **floor_server, load);
  if (!floor_load.ok()) return floor_load.status();

  MeasuredLoad verify(environment.self(), load, [&] { return (*server)->CpuTime(); });
  MeasuredLoad floor(environment.self(), *std::move(floor_load),
                     [&] { return (*floor_server)->CpuTime(); });
  absl::Status compared = Compare(
      environment.rounds(), [&] { return floor.Measure(figure); },
      [&] { return verify.Measure(figure); }, row);
  if (!compared.ok()) return compared;
  if (verify.answer_bytes() != floor.answer_bytes()) {
    return absl::InternalError(fmt::format("answers of {} and {} bytes cannot be compared",
                                           verify.answer_bytes(), floor.answer_bytes()));
  }
  row.add_notes(fmt::format("CPU time of the server for a call: floor {:.1f} us, Verify {:.1f} us",
                            floor.ServerMicrosecondsPerCall(), verify.ServerMicrosecondsPerCall()));
  row.add_notes(fmt::format("requests of {} bytes, answers of {}, {} connection, {} keys",
                            load.request().size(), verify.answer_bytes(), kConnections, kKeys));
  return absl::OkStatus();
}

}  // namespace claviger::bench
