#include "tests/crash/first_starts.h"

#include <filesystem>
#include <iostream>
#include <random>

#include "fmt/format.h"
#include "tests/crash/observer.h"
#include "tests/crash/server_folder.h"
#include "tests/crash/settlement.h"

namespace claviger::crash {
namespace {

constexpr uint64_t kMostKills = 3;
// A first start makes more than a later one.
constexpr double kLongerThanUsual = 2;

absl::Status CheckFirstState(const ServerFolder& server) {
  const TestCaller root = server.Connect();
  const absl::StatusOr<v1::Key> key = ReadKey(root, server.root_key_id());
  if (!key.ok()) return key.status();
  Book book;
  book.Add(kNobody, *key, server.root_key());
  for (const char* id : {"claviger", "default"}) book.touched_projects.insert(id);
  const absl::StatusOr<Observed> seen = Observe(root, book, Scope::kEverything);
  if (!seen.ok()) return seen.status();
  if (seen->projects.size() != 2) return absl::DataLossError("not both first projects are there");
  book.projects = seen->projects;
  for (const Violation& violation : Settle(book, *seen)) {
    return absl::DataLossError(violation.what);
  }
  int bootstraps = 0;
  for (const v1::AuditEvent& event : seen->events) {
    if (event.action() == "Bootstrap") ++bootstraps;
  }
  if (bootstraps == 1 && seen->events[0].action() == "Bootstrap") return absl::OkStatus();
  return absl::DataLossError(fmt::format("the root key was made {} times", bootstraps));
}

}  // namespace

absl::Status KillFirstStarts(const FirstStartOptions& options, const Clock& clock) {
  std::mt19937_64 random(options.seed);
  std::uniform_real_distribution<double> part(0, kLongerThanUsual);
  for (uint64_t i = 0; i < options.count; ++i) {
    const std::string folder = fmt::format("{}/first-{}", options.folder, i);
    std::filesystem::create_directory(folder);
    ServerFolder server(options.server, folder, clock);
    absl::Status status;
    for (uint64_t kills = 1 + random() % kMostKills; status.ok() && kills > 0; --kills) {
      status = server.KillWhileStarting(options.usual * part(random));
    }
    if (status.ok()) status = server.Start();
    if (status.ok()) status = CheckFirstState(server);
    if (!status.ok()) {
      std::cerr << server.Logs();
      return absl::Status(status.code(),
                          fmt::format("first start {}: {}", i + 1, std::string(status.message())));
    }
    if (absl::Status s = server.Kill(); !s.ok()) return s;
    std::filesystem::remove_all(folder);
  }
  return absl::OkStatus();
}

}  // namespace claviger::crash
