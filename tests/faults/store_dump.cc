#include "tests/faults/store_dump.h"

#include <algorithm>
#include <array>
#include <optional>
#include <sstream>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "fmt/format.h"
#include "storage/rocksdb/codec.h"
#include "tests/faults/scenario.h"

namespace claviger {
namespace {

// Lines, until something cannot be read.
class Dump {
 public:
  void Line(std::string_view name, std::string_view bytes) {
    text_ += fmt::format("{}: {}\n", name, absl::CHexEscape(std::string(bytes)));
  }
  void Key(std::string_view name, const KeyRecord& key) {
    Line(fmt::format("{} {} at {}", name, key.id.text(), key.revision.value), EncodeKey(key));
  }
  // The value, or, noting why not, nothing.
  template <typename T>
  std::optional<T> Value(absl::StatusOr<T> read) {
    if (read.ok()) return *std::move(read);
    Check(read.status());
    return std::nullopt;
  }
  void Check(const absl::Status& status) {
    if (error_.ok()) error_ = status;
  }
  absl::StatusOr<std::string> Result() {
    if (!error_.ok()) return error_;
    return std::move(text_);
  }

 private:
  std::string text_;
  absl::Status error_;
};

void DumpScan(const KeyStore& store, std::string_view name, const KeyScan& scan, Dump& dump) {
  dump.Check(store.ScanKeys(scan, [&](const KeyRecord& key) {
    dump.Key(name, key);
    return true;
  }));
}

void DumpScans(const KeyStore& store, Dump& dump) {
  for (const bool oldest_first : {false, true}) {
    DumpScan(store, "all", {.project_id = "", .after = {}, .oldest_first = oldest_first}, dump);
    for (const char* project : {"default", "gone"}) {
      DumpScan(store, project, {.project_id = project, .after = {}, .oldest_first = oldest_first},
               dump);
    }
    DumpScan(store, "owner",
             {.project_id = "", .after = {}, .oldest_first = oldest_first, .owner = "alice"}, dump);
    DumpScan(store, "label",
             {.project_id = "default",
              .after = {},
              .oldest_first = oldest_first,
              .label = std::pair<std::string, std::string>("team", "web")},
             dump);
    dump.Check(
        store.ScanExpiring({.after = {}, .latest_first = oldest_first}, [&](const KeyRecord& key) {
          dump.Key("expiring", key);
          return true;
        }));
  }
  dump.Check(store.ScanDeletedKeys({.until = absl::InfiniteFuture(), .after = {}},
                                   [&](const KeyRecord& key) {
                                     dump.Key("deleted", key);
                                     return true;
                                   }));
  dump.Check(store.ScanProjects("", [&](const ProjectRecord& project) {
    dump.Line(project.project_id, EncodeProject(project));
    return true;
  }));
}

void DumpPointReads(const KeyStore& store, absl::Time now, Dump& dump) {
  for (int n = 1; n <= kScenarioKeys; ++n) {
    if (const auto key = dump.Value(store.FindKey(TestKeyId(n))); key.has_value() && *key) {
      dump.Key("find", **key);
    }
    const auto found = store.FindImported(ImportedDigest(n));
    if (const auto id = dump.Value(found); id.has_value() && id->has_value()) {
      dump.Line(fmt::format("imported {}", n), (*id)->text());
    }
  }
  for (const std::string& id : ScenarioRequestIds()) {
    if (const auto r = dump.Value(store.FindRequest(id, now)); r.has_value() && *r) {
      dump.Line(id, EncodeRequest(**r));
    }
  }
  for (const char* project : {"default", "gone"}) {
    if (const auto has = dump.Value(store.ProjectHasKeys(project))) {
      dump.Line(fmt::format("{} has keys", project), *has ? "yes" : "no");
    }
  }
  if (const auto canaries = dump.Value(store.Canaries())) {
    for (const auto& [id, digest] : *canaries) dump.Line("canary " + id, EncodeCanary(digest));
  }
  if (const auto lease = dump.Value(store.LongestLease())) {
    dump.Line("lease", absl::FormatDuration(*lease));
  }
}

void DumpHistory(const KeyStore& store, Dump& dump) {
  const Revision applied = store.applied_revision();
  dump.Line("revision", fmt::format("{}", applied.value));
  const uint64_t kept = std::min<uint64_t>(applied.value, kScenarioEventRetention);
  if (const auto events = dump.Value(store.ReadEvents({applied.value - kept}, 1000))) {
    for (const Event& event : *events) {
      dump.Line(fmt::format("event {}", event.revision.value), EncodeEvent(event));
    }
  }
  if (const auto entries = dump.Value(store.ReadAudit(Revision{}, 1000))) {
    for (const AuditEntry& entry : *entries) {
      dump.Line(fmt::format("audit {}", entry.revision.value), EncodeAuditEntry(entry));
    }
  }
  if (const auto entries = dump.Value(store.ReadAuditBackwards(applied.Next(), 1000))) {
    dump.Line("audit backwards", fmt::format("{}", entries->size()));
  }
  if (const auto head = dump.Value(store.ReadAuditHead())) dump.Line("head", head->ToString());
}

}  // namespace

absl::StatusOr<std::string> DumpStore(const KeyStore& store, absl::Time now) {
  Dump dump;
  DumpHistory(store, dump);
  DumpPointReads(store, now, dump);
  DumpScans(store, dump);
  dump.Line("highest time", absl::FormatTime(store.highest_time_seen()));
  if (const auto stats = dump.Value(store.Stats(now))) {
    for (const auto& [state, count] : stats->keys) {
      dump.Line(fmt::format("keys in state {}", static_cast<int>(state)), fmt::format("{}", count));
    }
    for (const auto& [pepper, count] : stats->keys_by_pepper) {
      dump.Line("keys by pepper " + pepper, fmt::format("{}", count));
    }
  }
  if (const auto requests = dump.Value(store.RequestsByPepper(now))) {
    for (const auto& [pepper, count] : *requests) {
      dump.Line("requests by pepper " + pepper, fmt::format("{}", count));
    }
  }
  const std::array<absl::Time, 2> until = {now, absl::InfiniteFuture()};
  if (const auto counts = dump.Value(store.CountExpiring(absl::InfinitePast(), until))) {
    for (const uint64_t count : *counts) dump.Line("expiring", fmt::format("{}", count));
  }
  return dump.Result();
}

std::string Difference(const std::string& found, const std::string& expected) {
  std::istringstream found_lines(found);
  std::istringstream expected_lines(expected);
  std::string a;
  std::string b;
  while (true) {
    const bool more_found = static_cast<bool>(std::getline(found_lines, a));
    const bool more_expected = static_cast<bool>(std::getline(expected_lines, b));
    if (!more_found && !more_expected) return "no difference";
    if (!more_found) a = "(nothing)";
    if (!more_expected) b = "(nothing)";
    if (a != b) return fmt::format("found '{:.160}' instead of '{:.160}'", a, b);
  }
}

}  // namespace claviger
