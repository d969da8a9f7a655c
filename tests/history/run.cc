#include "tests/history/run.h"

#include <algorithm>
#include <iostream>
#include <iterator>
#include <memory>
#include <utility>

#include "core/platform/system_clock.h"
#include "fmt/format.h"
#include "tests/history/cluster.h"
#include "tests/history/revoker.h"
#include "tests/support/scratch_folder.h"

namespace claviger::history {
namespace {

constexpr SharedRecord::Shape kShape = {.keys = 0, .slots = 240, .processes = 8, .threads = 4};
// More than so few slots can have revoked in a second.
constexpr uint64_t kKeysPerSecond = 1000;
constexpr uint64_t kMaxKeys = 2'000'000;
constexpr uint32_t kPatience = 8;
constexpr absl::Duration kStep = absl::Seconds(1);
constexpr size_t kViolationsShown = 20;

Counts ChecksIn(const SharedRecord& record) {
  Counts sum;
  for (uint32_t process = 0; process < record.shape().processes; ++process) {
    const Counts counts = record.CountsOf(process);
    for (size_t i = 0; i < sum.by_code.size(); ++i) sum.by_code[i] += counts.by_code[i];
    sum.from_cache += counts.from_cache;
  }
  return sum;
}

// Disturbs as long as asked, and on until there is enough to judge by.
absl::Status Disturb(const RunOptions& options, const SharedRecord& record, const Revoker& revoker,
                     Faults& faults) {
  absl::Status status;
  for (uint32_t second = 0; status.ok() && second < options.seconds * kPatience; ++second) {
    if (second >= options.seconds && ChecksIn(record).total() >= options.min_checks &&
        revoker.strict_revokes() >= options.min_revokes) {
      break;
    }
    status = faults.Run(kStep);
  }
  // Also after an error: nothing frozen is left behind.
  status.Update(faults.HealAll());
  return status;
}

void Judge(const Revoker& revoker, const SharedRecord& record, Report& report) {
  std::vector<Seen> seen(record.shape().processes);
  for (uint32_t key = 0; key < record.shape().keys; ++key) {
    const Revoke& revoke = revoker.revokes()[key];
    if (revoke.called < absl::InfiniteDuration()) ++report.revokes[revoke.outcome];
    for (uint32_t process = 0; process < seen.size(); ++process) {
      seen[process] = record.SeenBy(process, key);
    }
    for (const Violation& violation : FindViolations(revoke, seen)) {
      ++report.violation_count;
      if (report.violations.size() >= kViolationsShown) continue;
      report.violations.push_back(fmt::format(
          "key {}, {}: {}", key, RevokeOutcomeName(revoke.outcome), Describe(violation)));
    }
  }
}

std::string Quantiles(const std::vector<absl::Duration>& waits) {
  const auto text = [&](int percent) {
    return absl::FormatDuration(absl::Trunc(Percentile(waits, percent), absl::Microseconds(10)));
  };
  return fmt::format("p50 {}, p99 {}, longest {}", text(50), text(99), text(100));
}

absl::Status Conduct(const RunOptions& options, SharedRecord& record, Cluster& cluster,
                     const Clock& clock, Report& report) {
  Revoker revoker({.address = cluster.server_address(),
                   .authorization = cluster.authorization(),
                   .seed = options.seed + 1,
                   .commit_for_strict = options.broken},
                  record, clock);
  Faults faults(cluster, clock, options.broken ? kStallsOnly : kAllFaults, options.seed);
  revoker.Start();
  if (absl::Status s = Disturb(options, record, revoker, faults); !s.ok()) return s;
  revoker.Stop();
  record.Stop();
  if (absl::Status s = cluster.AwaitClients(); !s.ok()) return s;
  if (!revoker.error().ok()) return revoker.error();

  report.checks = ChecksIn(record);
  report.strict_revokes = revoker.strict_revokes();
  report.unanswered_calls = revoker.unanswered_calls();
  report.mean_acceptors = revoker.mean_acceptors();
  report.strict_waits = revoker.waits();
  report.barrier_waits = revoker.barrier_waits();
  report.faults = faults.counts();
  Judge(revoker, record, report);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Report> Run(const RunOptions& options) {
  const SystemClock clock;
  const absl::StatusOr<std::unique_ptr<ScratchFolder>> folder = ScratchFolder::Make(options.folder);
  if (!folder.ok()) return folder.status();
  const std::string record_file = (*folder)->path() + "/record";
  SharedRecord::Shape shape = kShape;
  shape.keys = static_cast<uint32_t>(
      std::min(kMaxKeys, uint64_t{options.seconds} * kPatience * kKeysPerSecond));
  absl::StatusOr<std::unique_ptr<SharedRecord>> record = SharedRecord::Create(record_file, shape);
  if (!record.ok()) return record.status();
  absl::StatusOr<std::unique_ptr<Cluster>> cluster =
      Cluster::Start({.server_program = options.server,
                      .self = options.self,
                      .folder = (*folder)->path(),
                      .record_file = record_file,
                      .clients = shape.processes,
                      .seed = options.seed},
                     clock);
  if (!cluster.ok()) return cluster.status();
  Report report;
  if (absl::Status s = Conduct(options, **record, **cluster, clock, report); !s.ok()) {
    std::cerr << (*cluster)->Logs();
    return s;
  }
  return report;
}

std::string Render(const Report& report) {
  std::string text;
  auto out = std::back_inserter(text);
  const auto total = static_cast<double>(std::max<uint64_t>(report.checks.total(), 1));
  fmt::format_to(out, "checks      {}, {:.1f} % of them from the cache\n", report.checks.total(),
                 100 * static_cast<double>(report.checks.from_cache) / total);
  for (size_t i = 1; i < report.checks.by_code.size(); ++i) {
    if (report.checks.by_code[i] == 0) continue;
    fmt::format_to(out, "            {} {}\n", report.checks.by_code[i],
                   DecisionCodeName(static_cast<DecisionCode>(i)));
  }
  fmt::format_to(out, "revokes     {} strict and kept; of all keys\n", report.strict_revokes);
  for (const auto& [outcome, count] : report.revokes) {
    fmt::format_to(out, "            {} {}\n", count, RevokeOutcomeName(outcome));
  }
  fmt::format_to(out, "            {} calls not answered, and made again\n",
                 report.unanswered_calls);
  fmt::format_to(out, "            {:.1f} processes on average had accepted the key before\n",
                 report.mean_acceptors);
  fmt::format_to(out, "strict wait {}\n", Quantiles(report.strict_waits));
  fmt::format_to(out, "            of it for the verifiers: {}\n", Quantiles(report.barrier_waits));
  fmt::format_to(out, "faults     ");
  for (size_t i = 0; i < report.faults.size(); ++i) {
    fmt::format_to(out, "{} {} {}", i == 0 ? "" : ",", report.faults[i],
                   FaultName(static_cast<Fault>(i)));
  }
  fmt::format_to(out, "\nviolations  {}\n", report.violation_count);
  for (const std::string& violation : report.violations) {
    fmt::format_to(out, "            {}\n", violation);
  }
  return text;
}

}  // namespace claviger::history
