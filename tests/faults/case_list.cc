#include "tests/faults/case_list.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "fmt/format.h"
#include "tests/faults/damage_cases.h"
#include "tests/support/scratch_folder.h"

namespace claviger {
namespace {

struct Mode {
  std::string_view name;
  FaultKind kind;
};
constexpr Mode kModes[] = {
    {"fail-once", FaultKind::kFailOnce},  {"fail-from-then-on", FaultKind::kFailFromThenOn},
    {"power-loss", FaultKind::kPowerOff}, {"flip-written", FaultKind::kFlipWritten},
    {"flip-read", FaultKind::kFlipRead},
};
constexpr PowerLoss kPowerLosses[] = {PowerLoss::kAllUnsyncedLost, PowerLoss::kSomeKept,
                                      PowerLoss::kTornEnd, PowerLoss::kLostSectors};
constexpr std::string_view kPowerLossNames[] = {"all unsynced lost", "some kept", "torn end",
                                                "lost sectors"};

// In memory where that can be had: nothing here needs to survive.
std::string ScratchParent() {
  std::error_code error;
  return std::filesystem::is_directory("/dev/shm", error)
             ? "/dev/shm"
             : std::filesystem::temp_directory_path(error).string();
}

// A fault at each operation of the scenario.
class FaultCases final : public CaseList {
 public:
  FaultCases(FaultKind kind, uint64_t operations, std::unique_ptr<ScratchFolder> scratch)
      : kind_(kind), operations_(operations), scratch_(std::move(scratch)) {}

  uint64_t size() const override { return operations_ * variants(); }
  NamedResult Run(uint64_t number) override {
    const uint64_t at = number / variants() + 1;
    const auto variant = static_cast<size_t>(number % variants());
    const std::string folder = scratch_->path() + fmt::format("/{}", number);
    std::filesystem::create_directories(folder);
    // A disk that stays full is waited for: see the tests of that.
    const bool no_space = kind_ == FaultKind::kFailOnce && at % 2 == 0;
    CaseResult result = RunFaultCase(folder, {.kind = kind_, .at = at, .no_space = no_space},
                                     kPowerLosses[variant], static_cast<uint32_t>(number));
    if (result.outcome != Outcome::kLost || std::getenv("CLAVIGER_KEEP") == nullptr) {
      std::filesystem::remove_all(folder);
    }
    const std::string_view operation =
        kFileOperationNames[static_cast<size_t>(result.hit.operation)];
    const std::string_view what = result.hit.number == 0          ? "after the end"
                                  : kind_ == FaultKind::kPowerOff ? kPowerLossNames[variant]
                                                                  : operation;
    return {.outcome = result.outcome,
            .what = std::string(what),
            .text = fmt::format("at operation {} ({} {}): {}", result.hit.number,
                                kFileOperationNames[static_cast<size_t>(result.hit.operation)],
                                std::filesystem::path(result.hit.path).filename().string(),
                                result.text)};
  }

 private:
  uint64_t variants() const { return kind_ == FaultKind::kPowerOff ? std::size(kPowerLosses) : 1; }

  const FaultKind kind_;
  const uint64_t operations_;
  const std::unique_ptr<ScratchFolder> scratch_;
};

}  // namespace

std::vector<std::string> CaseList::Modes() {
  std::vector<std::string> names;
  for (const Mode& mode : kModes) names.emplace_back(mode.name);
  names.emplace_back("damage");
  return names;
}

absl::StatusOr<std::unique_ptr<CaseList>> CaseList::Make(const std::string& mode) {
  auto scratch = ScratchFolder::Make(ScratchParent());
  if (!scratch.ok()) return scratch.status();
  if (mode == "damage") return MakeDamageCases(*std::move(scratch));
  for (const Mode& known : kModes) {
    if (known.name != mode) continue;
    const uint64_t operations = CountOperations((*scratch)->path() + "/count");
    if (operations == 0) return absl::InternalError("the scenario fails without a fault");
    return std::make_unique<FaultCases>(known.kind, operations, *std::move(scratch));
  }
  return absl::InvalidArgumentError("no such mode: " + mode);
}

}  // namespace claviger
