#include "client/cli/audit_filter.h"

#include "client/cli/command_set.h"
#include "client/cli/durations.h"
#include "client/cli/request_fields.h"
#include "client/cli/time_text.h"

namespace claviger::cli {

void AddAuditFilter(CLI::App& command, AuditFilterOptions& options, bool with_times) {
  constexpr char kGroup[] = "Filters";
  AddRepeated(command, "-p,--project", options.projects, "About this project; may be repeated")
      .type_name("ID")
      ->group(kGroup);
  command.add_option("--key", options.key_id, "About this key")->type_name("KEY_ID")->group(kGroup);
  command
      .add_option("--actor", options.actor,
                  "By exactly this caller: key:KEY_ID, cert:SAN, system or unknown")
      ->type_name("ACTOR")
      ->group(kGroup);
  AddRepeated(command, "--action", options.actions, "This call, e.g. RevokeKey; may be repeated")
      .type_name("RPC")
      ->group(kGroup);
  command.add_flag("--refused", options.refused, "Only calls that were refused")->group(kGroup);
  if (!with_times) return;
  constexpr char kTimes[] = "Filters by time (RFC 3339, a date, or a duration before now)";
  command.add_option("--since", options.since, "At this time or later; 7d: within the last week")
      ->type_name("TIME")
      ->group(kTimes);
  command.add_option("--until", options.until, "Before this time; 7d: more than a week ago")
      ->type_name("TIME")
      ->group(kTimes);
}

absl::Status FillAuditFilter(const AuditFilterOptions& options, absl::Time now,
                             v1::AuditFilter& filter) {
  FillStrings(options.projects, *filter.mutable_project_ids());
  filter.set_key_id(options.key_id);
  filter.set_actor(options.actor);
  FillStrings(options.actions, *filter.mutable_actions());
  filter.set_refused_only(options.refused);
  if (!options.since.empty()) {
    const auto time = ParseTimeOrOffset("--since", options.since, now, Direction::kPast);
    if (!time.ok()) return time.status();
    *filter.mutable_start_time() = ToProto(*time);
  }
  if (!options.until.empty()) {
    const auto time = ParseTimeOrOffset("--until", options.until, now, Direction::kPast);
    if (!time.ok()) return time.status();
    *filter.mutable_end_time() = ToProto(*time);
  }
  return absl::OkStatus();
}

}  // namespace claviger::cli
