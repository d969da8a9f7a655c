#include "tests/faults/damaged_stores.h"

#include <filesystem>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include "absl/synchronization/notification.h"
#include "tests/faults/fault_file_system.h"
#include "tests/faults/store_dump.h"
#include "tests/faults/store_life.h"

namespace claviger {
namespace {

// Until the watermark has caught up with what was acknowledged.
absl::Status WaitForWatermark(StoreLife& life) {
  while (true) {
    const auto read = ReadWatermark(life.data_dir() + "/watermark");
    if (!read.ok()) return read.status();
    if (read->has_value() && (*read)->revision >= life.ledger().revision()) {
      return absl::OkStatus();
    }
    if (!life.store()->health().writable.ok()) return life.store()->health().writable;
    std::this_thread::yield();
  }
}

absl::StatusOr<StoreCopy> Copy(StoreLife& life, const std::string& name, const std::string& to) {
  const absl::Time now = life.clock().Now();
  absl::StatusOr<std::string> expected = DumpStore(life.ledger().reference(), now);
  if (!expected.ok()) return expected.status();
  CopyFolder(life.data_dir(), to);
  return StoreCopy{.name = name, .data_dir = to, .expected = *std::move(expected), .now = now};
}

// Holds the thread that makes a table when it begins.
class FlushHeld {
 public:
  FlushHeld(StoreLife& life, FaultFileSystem& files) : files_(files) {
    files_.Observe([this](const FileStep& step) {
      if (step.operation != FileOperation::kCreate || !step.path.ends_with(".sst")) return;
      if (!begun_.HasBeenNotified()) begun_.Notify();
      go_on_.WaitForNotification();
    });
    thread_ = std::thread([&life] { life.Flush(); });
    begun_.WaitForNotification();
  }
  ~FlushHeld() {
    go_on_.Notify();
    thread_.join();
    files_.Observe({});
  }

 private:
  FaultFileSystem& files_;
  absl::Notification begun_;
  absl::Notification go_on_;
  std::thread thread_;
};

}  // namespace

void CopyFolder(const std::string& from, const std::string& to) {
  namespace fs = std::filesystem;
  fs::create_directories(to);
  for (const auto& entry : fs::directory_iterator(from)) {
    const fs::path copy = to / entry.path().filename();
    std::error_code error;
    if (fs::is_directory(entry.path(), error)) {
      CopyFolder(entry.path(), copy);
      continue;
    }
    fs::copy_file(entry.path(), copy, error);
    // An open store removes what it does not need any more.
    if (error && fs::exists(entry.path())) throw fs::filesystem_error("copy", entry.path(), error);
  }
}

absl::StatusOr<StoreCopies> MakeStoreCopies(const std::string& folder) {
  const std::string root = folder + "/root";
  const std::string aside = folder + "/aside";
  std::filesystem::create_directories(root);
  std::filesystem::create_directories(aside);
  const auto files = std::make_shared<FaultFileSystem>(root, aside);
  StoreLife life(root + "/data", files);
  StoreCopies made{.older = folder + "/older", .copies = {}};
  const auto keep = [&](const std::string& name) -> absl::Status {
    absl::StatusOr<StoreCopy> copy = Copy(life, name, folder + "/" + name);
    if (copy.ok()) made.copies.push_back(*std::move(copy));
    return copy.status();
  };
  if (absl::Status s = life.Open(); !s.ok()) return s;
  int reopened = 0;
  for (const ScenarioStep& step : ShortScenario()) {
    if (step.kind == ScenarioStep::Kind::kReopen && ++reopened == 2) {
      life.Close();
      CopyFolder(life.data_dir(), made.older);
      if (absl::Status s = life.Open(); !s.ok()) return s;
    } else if (absl::Status s = life.Take(step); !s.ok()) {
      return s;
    }
  }
  life.Close();
  if (absl::Status s = keep("closed"); !s.ok()) return s;
  if (absl::Status s = life.Open(); !s.ok()) return s;
  const std::vector<Change> more = MoreChanges();
  for (size_t i = 0; i < 3; ++i) life.Commit({more[i]});
  if (absl::Status s = WaitForWatermark(life); !s.ok()) return s;
  if (absl::Status s = keep("killed"); !s.ok()) return s;
  {
    const FlushHeld held(life, *files);
    for (size_t i = 3; i < more.size(); ++i) life.Commit({more[i]});
    if (absl::Status s = WaitForWatermark(life); !s.ok()) return s;
    if (absl::Status s = keep("killed in a flush"); !s.ok()) return s;
  }
  life.Close();
  return made;
}

}  // namespace claviger
