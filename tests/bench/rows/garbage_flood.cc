// P10: what a flood of keys that are none does to the checks of good ones.

#include <chrono>
#include <fstream>
#include <future>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "claviger/v1/verifier.pb.h"
#include "core/key_format.h"
#include "core/platform/system_random.h"
#include "fmt/format.h"
#include "tests/bench/claviger_server.h"
#include "tests/bench/comparison.h"
#include "tests/bench/key_set.h"
#include "tests/bench/load_client.h"
#include "tests/bench/rows/rows.h"
#include "tests/bench/verify_load.h"
#include "tests/support/interrupt.h"

namespace claviger::bench {
namespace {

constexpr uint64_t kStoredKeys = 5'000'000;
constexpr uint64_t kStoredKeysQuick = 500'000;
// Those that are checked: the record cache holds them all.
constexpr uint64_t kGoodKeys = 10'000;
// Of the flood, drawn at random.
constexpr uint64_t kFloodKeys = 200'000;
constexpr uint32_t kFloodInFlight = 16;
constexpr uint32_t kFloodPerSecond = 10'000;
constexpr int kFullSpeedRounds = 3;
constexpr uint32_t kFillingInFlight = 64;
// The flood begins before what is measured and ends behind it.
constexpr uint32_t kFloodSlackMs = 3000;
constexpr absl::Duration kPollInterval = absl::Milliseconds(10);
constexpr double kFloodHasBegun = 1000;

constexpr std::string_view kNotFoundChecks = "claviger_verify_total{code=\"not_found\"}";
constexpr std::string_view kValidChecks = "claviger_verify_total{code=\"valid\"}";
constexpr std::string_view kCacheEntries = "claviger_record_cache_entries";

enum class Kind {
  kGarbage,  // looks like a key, but its checksum is wrong
  kUnknown,  // well-formed, but of no key that there is
};

struct Flood {
  LoadSpec load;
  std::string_view metric;  // counts its calls, and perhaps others
};

// A file of keys that are none, of the length of those of `keys`.
absl::StatusOr<std::string> MakeTexts(BenchEnvironment& environment, const KeySet& keys,
                                      Kind kind) {
  static SystemRandom random;
  const std::string name = environment.NewPath("flood");
  std::ofstream file(name, std::ios::binary);
  for (uint64_t i = 0; i < kFloodKeys; ++i) {
    if (absl::Status s = CheckInterrupt(); !s.ok()) return s;
    const absl::StatusOr<KeyId> id = KeyId::Generate(random);
    if (!id.ok()) return id.status();
    const absl::StatusOr<Secret> key =
        GenerateKey(kDefaultKeyPrefix, Environment::kLive, *id, random);
    if (!key.ok()) return key.status();
    std::string text(key->ExposeSecret());
    if (text.size() != keys.key_length) return absl::InternalError("keys differ in length");
    if (kind == Kind::kGarbage) text.back() = text.back() == '0' ? '1' : '0';
    file << text;
  }
  file.close();
  if (!file) return absl::InternalError(fmt::format("cannot write {}", name));
  return name;
}

// As many good keys.
Flood FloodOfGood(const LoadSpec& good) {
  LoadSpec load = good;
  load.set_calls_per_second(kFloodPerSecond);
  load.set_in_flight(kFloodInFlight);
  load.set_gives_way(true);
  load.set_warm_up_ms(0);
  load.set_measure_ms(good.warm_up_ms() + good.measure_ms() + kFloodSlackMs);
  return {std::move(load), kValidChecks};
}

Flood FloodOf(const LoadSpec& good, const std::string& texts) {
  Flood flood = FloodOfGood(good);
  flood.metric = kNotFoundChecks;
  flood.load.mutable_keys()->set_file(texts);
  flood.load.mutable_keys()->set_count(kFloodKeys);
  v1::VerifyResponse answer;
  answer.set_code(v1::VERIFY_CODE_NOT_FOUND);
  flood.load.set_answer_prefix(answer.SerializeAsString());
  return flood;
}

// One measurement after the other, with a flood beside it or without.
class Measurements {
 public:
  Measurements(const BenchEnvironment& environment, const ClavigerServer& server, LoadSpec good)
      : environment_(environment), server_(server), good_(std::move(good)) {}

  absl::StatusOr<double> P99() {
    const absl::StatusOr<LoadResult> result = RunLoad(environment_.self(), good_);
    if (!result.ok()) return result.status();
    good_calls_ = result->all_calls();
    return result->p99_us();
  }

  absl::StatusOr<double> P99Beside(const Flood& flood) {
    const absl::StatusOr<double> before = server_.Metric(flood.metric);
    if (!before.ok()) return before.status();
    const absl::Duration cpu_before = server_.CpuTime();
    auto flooding =
        std::async(std::launch::async, [&] { return RunLoad(environment_.self(), flood.load); });
    absl::Status begun = AwaitFlood(flood.metric, *before, flooding);
    absl::StatusOr<double> p99 = begun.ok() ? P99() : begun;
    const bool ended_early =
        flooding.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
    const absl::StatusOr<LoadResult> flooded = flooding.get();
    if (!flooded.ok()) return flooded.status();
    if (!p99.ok()) return p99.status();
    if (ended_early) return absl::InternalError("the flood ended before what was measured");
    floods_per_second_.push_back(flooded->calls_per_second());
    server_us_.push_back(absl::ToDoubleMicroseconds(server_.CpuTime() - cpu_before) /
                         static_cast<double>(flooded->all_calls() + good_calls_));
    return p99;
  }

  double floods_per_second() const { return Median(floods_per_second_); }
  // CPU time of the server for a call, those of the flood and the others alike.
  double server_microseconds() const { return Median(server_us_); }

 private:
  // Until some of its calls were answered.
  absl::Status AwaitFlood(std::string_view metric, double before,
                          std::future<absl::StatusOr<LoadResult>>& flooding) const {
    while (flooding.wait_for(std::chrono::seconds(0)) != std::future_status::ready) {
      const absl::StatusOr<double> now = server_.Metric(metric);
      if (!now.ok()) return now.status();
      if (*now - before >= kFloodHasBegun) return absl::OkStatus();
      absl::SleepFor(kPollInterval);
    }
    return absl::OkStatus();  // it says itself what went wrong
  }

  const BenchEnvironment& environment_;
  const ClavigerServer& server_;
  const LoadSpec good_;
  uint64_t good_calls_ = 0;
  std::vector<double> floods_per_second_;
  std::vector<double> server_us_;
};

// What a flood must not make grow.
struct Held {
  double cache_entries = 0;
  size_t resident_bytes = 0;
};

absl::StatusOr<Held> HeldBy(const ClavigerServer& server) {
  const absl::StatusOr<double> entries = server.Metric(kCacheEntries);
  if (!entries.ok()) return entries.status();
  return Held{.cache_entries = *entries, .resident_bytes = server.ResidentBytes()};
}

absl::StatusOr<Row> MeasureFlood(BenchEnvironment& environment, const ClavigerServer& server,
                                 const LoadSpec& good, const Flood& flood, std::string_view which,
                                 int rounds) {
  Row row;
  row.set_id("P10");
  row.set_measure(fmt::format("Verify p99, 1 in flight, beside {}", which));
  row.set_floor_name("the same without the flood");
  row.set_unit("us");
  row.set_goal(2);
  row.set_goal_is_minimum(false);
  const absl::StatusOr<Held> before = HeldBy(server);
  if (!before.ok()) return before.status();
  Measurements measurements(environment, server, good);
  absl::Status compared = Compare(
      rounds, [&] { return measurements.P99(); }, [&] { return measurements.P99Beside(flood); },
      row);
  if (!compared.ok()) return compared;
  const absl::StatusOr<Held> after = HeldBy(server);
  if (!after.ok()) return after.status();
  row.add_notes(fmt::format(
      "beside {}: {:.0f} calls/s of the flood, {:.1f} us of the server's CPU time a call; its "
      "memory {:.0f} MiB before and {:.0f} MiB after, its record cache {:.0f} and {:.0f} entries",
      which, measurements.floods_per_second(), measurements.server_microseconds(),
      static_cast<double>(before->resident_bytes) / (1 << 20),
      static_cast<double>(after->resident_bytes) / (1 << 20), before->cache_entries,
      after->cache_entries));
  return row;
}

}  // namespace

absl::StatusOr<std::vector<Row>> MeasureGarbageFloods(BenchEnvironment& environment) {
  const auto keys =
      MakeKeySet(environment, environment.options().quick ? kStoredKeysQuick : kStoredKeys);
  if (!keys.ok()) return keys.status();
  const auto server = ClavigerServer::Start(environment, keys->data_dir);
  if (!server.ok()) return server.status();
  LoadSpec good = VerifyLoad(environment, **server, *keys, kFillingInFlight);
  good.mutable_keys()->set_count(kGoodKeys);
  absl::Status filled = FillCaches(environment, **server, good);
  if (!filled.ok()) return filled;
  good.set_in_flight(1);
  std::vector<Row> rows;
  std::vector<Row> compared;  // these end as notes
  const auto measure = [&](const Flood& flood, std::string_view which, int rounds,
                           std::vector<Row>& to) {
    absl::StatusOr<Row> row = MeasureFlood(environment, **server, good, flood, which, rounds);
    if (row.ok()) to.push_back(*std::move(row));
    return row.status();
  };
  absl::Status measured =
      measure(FloodOfGood(good), "10,000 good keys a second", environment.rounds(), compared);
  if (!measured.ok()) return measured;
  for (const auto& [kind, which] :
       {std::pair(Kind::kGarbage, "garbage keys"), std::pair(Kind::kUnknown, "unknown ids")}) {
    const auto texts = MakeTexts(environment, *keys, kind);
    if (!texts.ok()) return texts.status();
    Flood flood = FloodOf(good, *texts);
    measured = measure(flood, fmt::format("10,000 {} a second", which), environment.rounds(), rows);
    if (!measured.ok()) return measured;
    flood.load.set_calls_per_second(0);
    measured = measure(flood, fmt::format("{} at full speed", which), kFullSpeedRounds, compared);
    if (!measured.ok()) return measured;
  }
  for (const Row& row : compared) {
    rows.back().add_notes(fmt::format(
        "for comparison, {}: {:.0f} us, {:.2f} of that without ({:.2f} to {:.2f})", row.measure(),
        row.value(), row.ratio(), row.lowest_ratio(), row.highest_ratio()));
    for (const std::string& note : row.notes()) rows.back().add_notes(note);
  }
  return rows;
}

}  // namespace claviger::bench
