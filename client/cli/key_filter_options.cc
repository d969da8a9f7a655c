#include "client/cli/key_filter_options.h"

#include "client/cli/command_set.h"
#include "client/cli/durations.h"
#include "client/cli/enum_text.h"
#include "client/cli/request_fields.h"
#include "client/cli/time_text.h"

namespace claviger::cli {
namespace {

constexpr char kFilters[] = "Filters";
constexpr char kTimes[] = "Filters by time (RFC 3339, a date, or a duration from now)";

template <typename Request>
absl::Status FillTimes(const KeyFilterOptions& options, absl::Time now, Request& request) {
  struct TimeOption {
    const char* flag;
    const std::string& text;
    Direction direction;
    google::protobuf::Timestamp* (Request::*field)();
  };
  const TimeOption times[] = {
      {"--created-before", options.created_before, Direction::kPast,
       &Request::mutable_created_before},
      {"--created-after", options.created_after, Direction::kPast, &Request::mutable_created_after},
      {"--expire-before", options.expire_before, Direction::kFuture,
       &Request::mutable_expire_before},
      {"--expire-after", options.expire_after, Direction::kFuture, &Request::mutable_expire_after},
      {"--last-used-before", options.last_used_before, Direction::kPast,
       &Request::mutable_last_used_before},
      {"--last-used-after", options.last_used_after, Direction::kPast,
       &Request::mutable_last_used_after},
      {"--unused-since", options.unused_since, Direction::kPast, &Request::mutable_unused_since},
  };
  for (const TimeOption& option : times) {
    if (option.text.empty()) continue;
    const auto time = ParseTimeOrOffset(option.flag, option.text, now, option.direction);
    if (!time.ok()) return time.status();
    *(request.*option.field)() = ToProto(*time);
  }
  return absl::OkStatus();
}

template <typename Request>
absl::Status Fill(const KeyFilterOptions& options, absl::Time now, Request& request) {
  FillStrings(options.projects, *request.mutable_project_ids());
  for (const std::string& state : options.states) {
    request.add_states(EnumFromChoice<v1::KeyState>(state));
  }
  request.set_owner(options.owner);
  request.set_scope(options.scope);
  request.set_environment(EnumFromChoice<v1::Environment>(options.environment));
  request.set_name_contains(options.name_contains);
  if (absl::Status s = FillTimes(options, now, request); !s.ok()) return s;
  return FillLabels("--label", options.labels, *request.mutable_label_selector());
}

}  // namespace

void AddKeyFilters(CLI::App& command, KeyFilterOptions& options) {
  AddRepeated(command, "-p,--project", options.projects, "In this project; may be repeated")
      .type_name("ID")
      ->group(kFilters);
  AddRepeated(command, "--state", options.states, "In this state; may be repeated")
      .check(CLI::IsMember(EnumChoices<v1::KeyState>()))
      ->type_name("STATE")
      ->group(kFilters);
  command.add_option("--owner", options.owner, "Exactly this owner")->group(kFilters);
  AddRepeated(command, "-l,--label", options.labels, "With this label; may be repeated")
      .type_name("KEY=VALUE")
      ->group(kFilters);
  command.add_option("-s,--scope", options.scope, "May do this")
      ->type_name("SCOPE")
      ->group(kFilters);
  command.add_option("--env", options.environment, "live or test")
      ->check(CLI::IsMember(EnumChoices<v1::Environment>()))
      ->type_name("ENV")
      ->group(kFilters);
  command.add_option("--name-contains", options.name_contains, "The name contains this")
      ->group(kFilters);
  const auto add_time = [&](const char* flag, std::string& text, const char* description) {
    command.add_option(flag, text, description)->type_name("TIME")->group(kTimes);
  };
  add_time("--created-before", options.created_before, "Issued before; 7d: more than a week ago");
  add_time("--created-after", options.created_after, "Issued since; 7d: within the last week");
  add_time("--expire-before", options.expire_before, "Ends before; 30d: within the next 30 days");
  add_time("--expire-after", options.expire_after, "Ends later, or never");
  add_time("--last-used-before", options.last_used_before,
           "Last used before; 90d: not for 90 days");
  add_time("--last-used-after", options.last_used_after,
           "Last used since; 1h: within the last hour");
  add_time("--unused-since", options.unused_since, "Older, and not used since; 90d: for 90 days");
}

absl::Status FillKeyFilter(const KeyFilterOptions& options, absl::Time now,
                           v1::ListKeysRequest& request) {
  return Fill(options, now, request);
}

absl::Status FillKeyFilter(const KeyFilterOptions& options, absl::Time now, v1::KeyFilter& filter) {
  return Fill(options, now, filter);
}

}  // namespace claviger::cli
