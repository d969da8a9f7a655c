#include "client/cli/usage_command.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>

#include "client/cli/durations.h"
#include "client/cli/time_text.h"
#include "client/cli/usage_view.h"

namespace claviger::cli {
namespace {

struct UsageOptions {
  std::string key_id;
  std::string project;
  std::string since;
  std::string until;
  std::string by;
};

// More hours than fit on a screen are better told by the day.
constexpr absl::Duration kMostHours = absl::Hours(48);

absl::StatusOr<std::optional<absl::Time>> ReadTime(const char* flag, const std::string& text,
                                                   absl::Time now) {
  if (text.empty()) return std::nullopt;
  const absl::StatusOr<absl::Time> time = ParseTimeOrOffset(flag, text, now, Direction::kPast);
  if (!time.ok()) return time.status();
  return *time;
}

absl::StatusOr<v1::GetUsageRequest> MakeRequest(const UsageOptions& options, absl::Time now) {
  if (options.key_id.empty() && options.project.empty()) {
    return absl::InvalidArgumentError("a key ID or --project is required");
  }
  const auto since = ReadTime("--since", options.since, now);
  if (!since.ok()) return since.status();
  const auto until = ReadTime("--until", options.until, now);
  if (!until.ok()) return until.status();
  v1::GetUsageRequest request;
  if (options.project.empty()) {
    request.set_key_id(options.key_id);
  } else {
    request.set_project_id(options.project);
  }
  // What is not said is set, so that the chart's ends are known here.
  const absl::Time end = until->value_or(now);
  const bool is_long = since->has_value() && end - **since > kMostHours;
  const bool by_day = options.by == "day" || (options.by.empty() && is_long);
  request.set_interval(by_day ? v1::USAGE_INTERVAL_DAY : v1::USAGE_INTERVAL_HOUR);
  *request.mutable_end_time() = ToProto(end);
  *request.mutable_start_time() =
      ToProto(since->value_or(end - (by_day ? absl::Hours(24 * 30) : absl::Hours(24))));
  return request;
}

ExitCode ShowUsage(const UsageOptions& options, CommandContext& context) {
  const absl::StatusOr<v1::GetUsageRequest> request = MakeRequest(options, context.Now());
  if (!request.ok()) return context.Fail(request.status());
  const absl::StatusOr<Connection*> connection = context.Connect();
  if (!connection.ok()) return context.Fail(connection.status());
  v1::GetUsageResponse response;
  const grpc::Status status = (*connection)->Call(Retry::kIfUnavailable, [&](auto* call) {
    return (*connection)->usage().GetUsage(call, *request, &response);
  });
  if (!status.ok()) {
    return context.Fail(
        status, {{"start_time", "--since"}, {"end_time", "--until"}, {"project_id", "--project"}});
  }
  if (context.json()) return context.PrintJson(response);
  context.Print(UsageChart(*request, response, context.console().width));
  context.Print(UsageFields(response, context.Now()));
  return ExitCode::kOk;
}

}  // namespace

void AddUsage(CLI::App& parent, CommandSet& commands) {
  auto options = std::make_shared<UsageOptions>();
  CLI::App& command = commands.Add(parent, "usage", "Show how often a key, or a project, is used",
                                   "  claviger usage 00Yx3bTnQ5vLr8Wz\n"
                                   "  claviger usage --project acme --since 30d --by day\n"
                                   "  claviger usage 00Yx3bTnQ5vLr8Wz --since 7d -o json");
  CLI::Option* key = command.add_option("id", options->key_id, "Key id (16 characters)");
  key->type_name("ID");
  CLI::Option* project =
      command.add_option("-p,--project", options->project, "All keys of this project together");
  project->type_name("ID")->excludes(key);
  command
      .add_option("--since", options->since,
                  "From then on: RFC 3339, a date, or a duration back (default 24h; 30d by day)")
      ->type_name("TIME");
  command.add_option("--until", options->until, "Up to then (default: now)")->type_name("TIME");
  command.add_option("--by", options->by, "One line for each (default: hour; day beyond 48 h)")
      ->check(CLI::IsMember({"hour", "day"}))
      ->type_name("INTERVAL");
  commands.OnRun(command,
                 [options](CommandContext& context) { return ShowUsage(*options, context); });
}

}  // namespace claviger::cli
