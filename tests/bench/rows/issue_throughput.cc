// P6: what the authority adds to the disk's own cost of a durable change.

#include <filesystem>
#include <string>
#include <vector>

#include "fmt/format.h"
#include "tests/bench/claviger_server.h"
#include "tests/bench/comparison.h"
#include "tests/bench/floor_server.h"
#include "tests/bench/issue_floor.h"
#include "tests/bench/issue_load.h"
#include "tests/bench/key_set.h"
#include "tests/bench/load_client.h"
#include "tests/bench/measured_load.h"
#include "tests/bench/rows/rows.h"
#include "tests/bench/verify_load.h"

namespace claviger::bench {
namespace {

// How many mutations the server has put into how many batches.
struct Batches {
  double mutations = 0;
  double count = 0;
};

absl::StatusOr<Batches> BatchesOf(const ClavigerServer& server) {
  const auto mutations = server.Metric("claviger_commit_batch_mutations_sum");
  if (!mutations.ok()) return mutations.status();
  const auto count = server.Metric("claviger_commit_batch_mutations_count");
  if (!count.ok()) return count.status();
  return Batches{.mutations = *mutations, .count = *count};
}

// Issues keys into a new store for a while, and looks at what they wrote.
absl::StatusOr<RowSizes> SampleRows(BenchEnvironment& environment, const std::string& data_dir) {
  {
    const auto server = ClavigerServer::Start(environment, data_dir);
    if (!server.ok()) return server.status();
    const auto issued = RunLoad(environment.self(), IssueLoad(environment, **server));
    if (!issued.ok()) return issued.status();
  }
  return MeasureRowSizes(data_dir);
}

size_t BytesPerKey(const RowSizes& sizes) {
  size_t bytes = 0;
  for (const RowSize& size : sizes) bytes += size.key_bytes + size.value_bytes;
  return bytes;
}

}  // namespace

absl::StatusOr<std::vector<Row>> MeasureIssueThroughput(BenchEnvironment& environment) {
  Row row;
  row.set_id("P6");
  row.set_measure("IssueKey, durable, 64 in flight");
  row.set_floor_name(
      "RocksDB alone: synced batches of the same rows, sizes and grouping, on the same file "
      "system");
  row.set_unit("/s");
  row.set_goal(0.60);
  row.set_goal_is_minimum(true);

  const auto keys = MakeKeySet(environment, /*count=*/0);
  if (!keys.ok()) return keys.status();
  const auto sizes = SampleRows(environment, keys->data_dir);
  if (!sizes.ok()) return sizes.status();
  const std::string floor_dir = environment.NewPath("floor");
  const auto floor = IssueFloor::Open(floor_dir, *sizes);
  if (!floor.ok()) return floor.status();
  const auto server = ClavigerServer::Start(environment, keys->data_dir);
  if (!server.ok()) return server.status();
  const auto empty_rpc = FloorServer::Start(environment.self());
  if (!empty_rpc.ok()) return empty_rpc.status();
  const LoadSpec load = IssueLoad(environment, **server);
  const auto empty_load = FloorLoad(environment, **empty_rpc, load);
  if (!empty_load.ok()) return empty_load.status();

  MeasuredLoad issues(environment.self(), load, [&] { return (*server)->CpuTime(); });
  MeasuredLoad empty_rpcs(environment.self(), *empty_load, [&] { return (*empty_rpc)->CpuTime(); });
  std::vector<double> groups;
  std::vector<double> empty_calls;
  const Measurement issue = [&]() -> absl::StatusOr<double> {
    const auto before = BatchesOf(**server);
    if (!before.ok()) return before.status();
    const auto issued = issues.Measure(CallsPerSecond);
    if (!issued.ok()) return issued.status();
    const auto after = BatchesOf(**server);
    if (!after.ok()) return after.status();
    groups.push_back((after->mutations - before->mutations) / (after->count - before->count));
    const auto empty = empty_rpcs.Measure(CallsPerSecond);
    if (!empty.ok()) return empty.status();
    empty_calls.push_back(*empty);
    return *issued;
  };
  // The grouping is known from the first issue on.
  if (const auto first = issue(); !first.ok()) return first.status();
  const Measurement write = [&] {
    return (*floor)->Run(groups.back(), absl::Milliseconds(environment.slice_ms()));
  };
  if (absl::Status s = Compare(environment.rounds(), write, issue, row); !s.ok()) return s;
  row.add_notes(fmt::format("{:.1f} keys in a batch, {} bytes of rows per key", Median(groups),
                            BytesPerKey(*sizes)));
  row.add_notes(fmt::format(
      "CPU time of the server for a call: an RPC that does nothing {:.1f} us, IssueKey {:.1f} us",
      empty_rpcs.ServerMicrosecondsPerCall(), issues.ServerMicrosecondsPerCall()));
  row.add_notes(fmt::format(
      "an RPC of the same sizes whose handler does nothing: {:.0f}/s; no IssueKey can be faster "
      "here than that, whatever the disk does",
      Median(empty_calls)));
  return std::vector<Row>{std::move(row)};
}

}  // namespace claviger::bench
