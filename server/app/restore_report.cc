#include "server/app/restore_report.h"

#include <iterator>
#include <string_view>

#include "core/sync_messages.h"
#include "fmt/format.h"

namespace claviger {
namespace {

std::string TimeText(absl::Time time) {
  return absl::FormatTime(absl::RFC3339_sec, time, absl::UTCTimeZone());
}

// Without what a terminal acts on.
std::string Printable(std::string_view text) {
  std::string printable(text);
  for (char& c : printable) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return printable;
}

// Where the log of before says so.
std::string Source(const LoggedChange& logged) {
  return fmt::format("revision {}, {}, by {}", logged.revision.value, TimeText(logged.time),
                     Printable(logged.actor));
}

std::string CountOrNothing(size_t count) { return count == 0 ? "nothing" : fmt::to_string(count); }

void RenderTaken(const RestoreReport& report, std::string& text) {
  const auto out = std::back_inserter(text);
  if (!report.export_end.has_value()) {
    fmt::format_to(out,
                   "\nno audit export was given: keys that were revoked, disabled, narrowed or "
                   "deleted since\n{} are again what they were then\n",
                   TimeText(report.header.create_time));
    return;
  }
  fmt::format_to(out, "\ntaken away again, by the audit export up to revision {} ({}): {}\n",
                 report.export_end->revision.value, TimeText(report.export_time),
                 CountOrNothing(report.taken_again.size()));
  for (const TakenAgain& taken : report.taken_again) {
    const std::string whose = taken.key_id.empty()
                                  ? fmt::format("project {}", taken.project_id)
                                  : fmt::format("key {} of {}", taken.key_id, taken.project_id);
    fmt::format_to(out, "  {}: {} ({})\n", Printable(whose), Printable(taken.what),
                   Source(taken.logged));
  }
  fmt::format_to(out, "lost, made behind the backup: {}\n",
                 CountOrNothing(report.lost_keys.size() + report.lost_projects.size()));
  for (const LostProject& project : report.lost_projects) {
    fmt::format_to(out, "  project {} ({})\n", Printable(project.project_id), Source(project.made));
  }
  for (const LostKey& key : report.lost_keys) {
    fmt::format_to(out, "  key {} of {} ({})\n", key.id.text(), Printable(key.project_id),
                   Source(key.made));
  }
  fmt::format_to(out,
                 "not made again: whatever else was given or changed behind revision {}; and what "
                 "was taken\naway behind revision {} nobody knows\n",
                 report.header.head.revision.value, report.export_end->revision.value);
}

}  // namespace

std::string RenderRestoreReport(const RestoreReport& report) {
  std::string text;
  const auto out = std::back_inserter(text);
  const BackupHeader& header = report.header;
  fmt::format_to(out, "{} {} into {}\n", report.dry_run ? "could restore" : "restored",
                 Printable(report.file), Printable(report.data_dir));
  fmt::format_to(out, "  made       {} by claviger {}\n", TimeText(header.create_time),
                 header.claviger_version);
  fmt::format_to(out, "  revision   {}\n", header.head.revision.value);
  fmt::format_to(out, "  epoch      {} -> {}\n", header.epoch.ToHex(),
                 report.dry_run ? "a new one" : report.new_epoch.ToHex());
  fmt::format_to(out, "  projects   {}\n", report.projects);
  fmt::format_to(out,
                 "  keys       {} in the backup: {} enabled, {} disabled, {} revoked, {} deleted\n",
                 header.keys, report.enabled, report.disabled, report.revoked, report.deleted);
  fmt::format_to(out, "  audit log  {} entries, verified, head {}\n", header.head.revision.value,
                 header.head.ToString());
  RenderTaken(report, text);
  if (report.dry_run) {
    text += report.root_key_file.empty() ? "" : "\na root key would be made\n";
    text += "\nnothing was changed: this was a dry run\n";
    return text;
  }
  if (!report.root_key_file.empty()) {
    fmt::format_to(out, "\na root key was made: {}\n", Printable(report.root_key_file));
  }
  fmt::format_to(
      out,
      "\nthe audit log goes on from the backup's end, now at head {}; heads behind that end which "
      "were\nkept of the old log no longer fit\nthe server can be started; the one of "
      "before must never run again. For the first {} after the start\nrevokes wait, or end "
      "PENDING: "
      "it may have granted leases that nobody knows of\n",
      report.new_head.ToString(), absl::FormatDuration(sync::kMaxLease + sync::kMaxStaleOnError));
  return text;
}

}  // namespace claviger
