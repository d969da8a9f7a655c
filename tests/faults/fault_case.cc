#include "tests/faults/fault_case.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <utility>

#include "core/status.h"
#include "fmt/format.h"
#include "tests/faults/store_life.h"

namespace claviger {
namespace {

constexpr uint64_t kMostValid = 2;  // that the scenario counts for a key

CaseResult Lost(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return {.outcome = Outcome::kLost, .text = std::move(text), .hit = {}};
}

bool IsWrite(FileOperation operation) {
  switch (operation) {
    case FileOperation::kOpen:
    case FileOperation::kRead:
    case FileOperation::kLook:
    case FileOperation::kOpenFolder:
      return false;
    default:
      return true;
  }
}

// What a store that met a fault must still do; empty: it does.
std::string CheckServing(StoreLife& life, const FaultFileSystem& files, FaultKind kind) {
  const absl::Status same = life.ledger().Compare(*life.store());
  if (absl::IsInternal(same)) {
    return fmt::format("answers otherwise: {}; writable: {}", same.ToString(),
                       life.store()->health().writable.ToString());
  }
  const bool must_read = kind == FaultKind::kFailOnce && IsWrite(files.hit().operation);
  if (!same.ok() && must_read) {
    return fmt::format("does not read any more after a failed write: {}", same.ToString());
  }
  const absl::Status writable = life.store()->health().writable;
  if (writable.ok()) return "";
  if (DetailsOf(writable).reason != Reason::kStoreUnavailable ||
      std::string(writable.message()).find("restart") == std::string::npos) {
    return fmt::format("is read-only without saying what to do: {}", writable.ToString());
  }
  const auto refused = CommitAndWait(*life.store(), LastChange().Make());
  if (refused.ok()) return "took a change after a failed write";
  return "";
}

// The scenario up to its end or to where the store does not start any more; what went wrong.
std::string Live(StoreLife& life, const FaultFileSystem& files, FaultKind kind) {
  bool checked = false;
  const auto check_start = [&](const absl::Status& opened) -> std::string {
    // Its parent, too: that is synced when the folder is made.
    const std::string parent = std::filesystem::path(life.data_dir()).parent_path();
    if (std::string(opened.message()).find(parent) != std::string::npos) return "";
    return fmt::format("does not start without naming a file: {}", opened.ToString());
  };
  if (absl::Status s = life.Open(); !s.ok()) return check_start(s);
  for (const ScenarioStep& step : ShortScenario()) {
    if (absl::Status s = life.Take(step); !s.ok()) return check_start(s);
    if (checked || files.hit().number == 0) continue;
    // What the fault does to a thread in the background may come a step later: the end has a look
    // too.
    checked = true;
    if (std::string wrong = CheckServing(life, files, kind); !wrong.empty()) return wrong;
  }
  return checked ? CheckServing(life, files, kind) : "";
}

std::string CheckUsage(const RocksDbStore& store) {
  for (int n = 1; n <= 2; ++n) {
    const auto rows = store.ReadUsage(TestKeyId(n), 0, ~UsageHour{0});
    if (!rows.ok()) return rows.status().ToString();
    uint64_t sum = 0;
    for (const UsageRow& row : *rows) sum += row.counts.valid();
    if (sum > kMostValid) return fmt::format("key {} was counted {} times", n, sum);
  }
  return "";
}

// After a restart on a disk that works.
CaseResult Look(StoreLife& life, bool may_be_damaged) {
  if (absl::Status s = life.Open(); !s.ok()) {
    if (!may_be_damaged) return Lost(fmt::format("does not start: {}", s.ToString()));
    const std::string wrong = WhatIsWrongWith(std::string(s.message()), life.data_dir());
    if (!wrong.empty()) return Lost(fmt::format("{}: {}", wrong, s.ToString()));
    return {.outcome = Outcome::kRefused, .text = std::string(s.message()), .hit = {}};
  }
  if (absl::Status s = life.ledger().Settle(*life.store()); !s.ok()) {
    if (!may_be_damaged || !absl::IsDataLoss(s)) return Lost(s.ToString());
    return {.outcome = Outcome::kFoundByRead, .text = std::string(s.message()), .hit = {}};
  }
  if (const std::string wrong = CheckUsage(*life.store()); !wrong.empty()) return Lost(wrong);
  for (const Change& change : life.ledger().to_retry()) life.Commit({change});
  life.Commit({LastChange()});
  life.Close();
  if (absl::Status s = life.Open(); !s.ok()) return Lost(fmt::format("second: {}", s.ToString()));
  if (absl::Status s = life.ledger().Settle(*life.store()); !s.ok()) {
    return Lost(fmt::format("after going on: {}", s.ToString()));
  }
  const auto last = life.store()->FindRequest(LastChange().request_id, absl::InfinitePast());
  if (!last.ok() || *last == nullptr) return Lost("does not go on after the restart");
  return {};
}

}  // namespace

std::string WhatIsWrongWith(const std::string& message, const std::string& folder) {
  if (message.find(folder) == std::string::npos) return "names no file";
  for (const std::string_view remedy : {"restore a backup", "start again"}) {
    if (message.find(remedy) != std::string::npos) return "";
  }
  return "does not say what to do";
}

CaseResult RunFaultCase(const std::string& folder, const Fault& fault, PowerLoss how,
                        uint32_t seed) {
  const std::string root = folder + "/root";
  const std::string aside = folder + "/aside";
  std::filesystem::create_directories(root);
  std::filesystem::create_directories(aside);
  const auto files = std::make_shared<FaultFileSystem>(root, aside);
  files->Arm(fault);
  StoreLife life(root + "/data", files);
  const std::string wrong = Live(life, *files, fault.kind);
  life.Close();
  const FileStep hit = files->hit();
  if (fault.kind == FaultKind::kPowerOff) files->LosePower(how, seed);

  CaseResult result;
  if (!wrong.empty()) {
    result = Lost(wrong);
  } else if (hit.number == 0) {
    result.outcome = Outcome::kNotReached;
  } else {
    life.UseFiles(nullptr);
    result = Look(life, /*may_be_damaged=*/fault.kind == FaultKind::kFlipWritten);
  }
  result.hit = hit;
  return result;
}

uint64_t CountOperations(const std::string& folder) {
  const std::string root = folder + "/root";
  const std::string aside = folder + "/aside";
  std::filesystem::create_directories(root);
  std::filesystem::create_directories(aside);
  const auto files = std::make_shared<FaultFileSystem>(root, aside);
  StoreLife life(root + "/data", files);
  const std::string wrong = Live(life, *files, FaultKind::kNone);
  if (!wrong.empty() || life.store() == nullptr) {
    fmt::print("the scenario itself fails: {}\n", wrong);
    return 0;
  }
  if (absl::Status s = life.ledger().Settle(*life.store()); !s.ok()) {
    fmt::print("the scenario itself fails: {}\n", s.ToString());
    return 0;
  }
  life.Close();
  return files->operations();
}

}  // namespace claviger
