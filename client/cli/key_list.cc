#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "client/cli/durations.h"
#include "client/cli/enum_text.h"
#include "client/cli/key_commands.h"
#include "client/cli/key_view.h"
#include "client/cli/request_fields.h"
#include "client/cli/time_text.h"

namespace claviger::cli {
namespace {

constexpr int kMaxPageSize = 1000;

struct ListOptions {
  std::vector<std::string> projects;
  std::vector<std::string> states;
  bool hide_revoked = false;
  std::string owner;
  std::vector<std::string> labels;
  std::string scope;
  std::string environment;
  std::string name_contains;
  std::string created_before;
  std::string created_after;
  std::string expire_before;
  std::string expire_after;
  std::string last_used_before;
  std::string last_used_after;
  std::string unused_since;
  bool usage = false;
  std::string order_by;
  int limit = 50;
  bool all = false;
  bool total = false;
  std::string page_token;
};

absl::Status FillTimes(const ListOptions& options, absl::Time now, v1::ListKeysRequest& request) {
  struct TimeOption {
    const char* flag;
    const std::string& text;
    Direction direction;
    google::protobuf::Timestamp* (v1::ListKeysRequest::*field)();
  };
  const TimeOption times[] = {
      {"--created-before", options.created_before, Direction::kPast,
       &v1::ListKeysRequest::mutable_created_before},
      {"--created-after", options.created_after, Direction::kPast,
       &v1::ListKeysRequest::mutable_created_after},
      {"--expire-before", options.expire_before, Direction::kFuture,
       &v1::ListKeysRequest::mutable_expire_before},
      {"--expire-after", options.expire_after, Direction::kFuture,
       &v1::ListKeysRequest::mutable_expire_after},
      {"--last-used-before", options.last_used_before, Direction::kPast,
       &v1::ListKeysRequest::mutable_last_used_before},
      {"--last-used-after", options.last_used_after, Direction::kPast,
       &v1::ListKeysRequest::mutable_last_used_after},
      {"--unused-since", options.unused_since, Direction::kPast,
       &v1::ListKeysRequest::mutable_unused_since},
  };
  for (const TimeOption& option : times) {
    if (option.text.empty()) continue;
    const auto time = ParseTimeOrOffset(option.flag, option.text, now, option.direction);
    if (!time.ok()) return time.status();
    *(request.*option.field)() = ToProto(*time);
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::ListKeysRequest> MakeRequest(const ListOptions& options, absl::Time now) {
  v1::ListKeysRequest request;
  FillStrings(options.projects, *request.mutable_project_ids());
  for (const std::string& state : options.states) {
    request.add_states(EnumFromChoice<v1::KeyState>(state));
  }
  request.set_hide_revoked(options.hide_revoked);
  request.set_owner(options.owner);
  request.set_scope(options.scope);
  request.set_environment(EnumFromChoice<v1::Environment>(options.environment));
  request.set_name_contains(options.name_contains);
  request.set_order_by(options.order_by);
  request.set_page_token(options.page_token);
  request.set_include_total_size(options.total);
  request.set_include_usage(options.usage);
  absl::Status status = FillTimes(options, now, request);
  if (status.ok())
    status = FillLabels("--label", options.labels, *request.mutable_label_selector());
  if (!status.ok()) return status;
  return request;
}

// Pages until `limit` keys are there or no more come, into one answer.
grpc::Status ListUpTo(int limit, v1::ListKeysRequest request, Connection& connection,
                      v1::ListKeysResponse& all) {
  while (all.keys_size() < limit) {
    request.set_page_size(std::min(limit - all.keys_size(), kMaxPageSize));
    v1::ListKeysResponse page;
    const grpc::Status status = connection.Call(Retry::kIfUnavailable, [&](auto* call) {
      return connection.keys().ListKeys(call, request, &page);
    });
    if (!status.ok()) return status;
    // MergeFrom appends the keys and takes the newer token; an empty one would leave the old one.
    all.clear_next_page_token();
    all.MergeFrom(page);
    if (page.next_page_token().empty()) break;
    request.set_page_token(page.next_page_token());
  }
  return grpc::Status::OK;
}

ExitCode ListKeys(const ListOptions& options, CommandContext& context) {
  const absl::StatusOr<v1::ListKeysRequest> request = MakeRequest(options, context.Now());
  if (!request.ok()) return context.Fail(request.status());
  const absl::StatusOr<Connection*> connection = context.Connect();
  if (!connection.ok()) return context.Fail(connection.status());
  const int limit = options.all ? std::numeric_limits<int>::max() : options.limit;
  v1::ListKeysResponse response;
  const grpc::Status status = ListUpTo(limit, *request, **connection, response);
  if (!status.ok()) return context.Fail(status);
  if (context.json()) return context.PrintJson(response);
  if (response.keys().empty()) {
    context.Note("no keys match");
  } else {
    context.Print(KeyTable(response.keys(), context.Now(), options.usage));
  }
  if (options.total) context.Note(fmt::format("{} in total", response.total_size()));
  if (!response.next_page_token().empty()) {
    context.Note(fmt::format("there are more: --all, a higher --limit, or --page-token {}",
                             response.next_page_token()));
  }
  return ExitCode::kOk;
}

void AddFilters(CLI::App& command, ListOptions& options) {
  constexpr char kFilters[] = "Filters";
  AddRepeated(command, "-p,--project", options.projects, "In this project; may be repeated")
      .type_name("ID")
      ->group(kFilters);
  AddRepeated(command, "--state", options.states, "In this state; may be repeated")
      .check(CLI::IsMember(EnumChoices<v1::KeyState>()))
      ->type_name("STATE")
      ->group(kFilters);
  command.add_flag("--hide-revoked", options.hide_revoked, "Leave revoked keys out")
      ->group(kFilters);
  command.add_option("--owner", options.owner, "Exactly this owner")->group(kFilters);
  AddRepeated(command, "-l,--label", options.labels, "With this label; may be repeated")
      .type_name("KEY=VALUE")
      ->group(kFilters);
  command.add_option("-s,--scope", options.scope, "May do this")
      ->type_name("SCOPE")
      ->group(kFilters);
  command.add_option("--env", options.environment, "Only these")
      ->check(CLI::IsMember(EnumChoices<v1::Environment>()))
      ->type_name("ENV")
      ->group(kFilters);
  command.add_option("--name-contains", options.name_contains, "The name contains this")
      ->group(kFilters);
}

void AddTimeFilters(CLI::App& command, ListOptions& options) {
  constexpr char kTimes[] = "Filters by time (RFC 3339, a date, or a duration from now)";
  const auto add = [&](const char* flag, std::string& text, const char* description) {
    command.add_option(flag, text, description)->type_name("TIME")->group(kTimes);
  };
  add("--created-before", options.created_before, "Issued before; 7d: more than a week ago");
  add("--created-after", options.created_after, "Issued since; 7d: within the last week");
  add("--expire-before", options.expire_before, "Ends before; 30d: within the next 30 days");
  add("--expire-after", options.expire_after, "Ends later, or never");
  add("--last-used-before", options.last_used_before, "Last used before; 90d: not for 90 days");
  add("--last-used-after", options.last_used_after, "Last used since; 1h: within the last hour");
  add("--unused-since", options.unused_since, "Older, and not used since; 90d: for 90 days");
}

void AddPaging(CLI::App& command, ListOptions& options) {
  command
      .add_option("--order-by", options.order_by,
                  "create_time (default, newest first), name, expire_time or last_used_time, then "
                  "asc or desc")
      ->type_name("ORDER");
  CLI::Option* limit = command.add_option("--limit", options.limit, "At most so many (default 50)")
                           ->check(CLI::Range(1, 1'000'000))
                           ->type_name("N");
  command.add_flag("--all", options.all, "As many as there are")->excludes(limit);
  command.add_flag("--total", options.total, "Say how many there are in all");
  command.add_flag("--usage", options.usage, "With the checks of the last 24 hours");
  command
      .add_option("--page-token", options.page_token,
                  "Go on where an earlier list ended; filters as they were, times absolute")
      ->type_name("TOKEN");
}

}  // namespace

void AddKeyList(CLI::App& parent, CommandSet& commands) {
  auto options = std::make_shared<ListOptions>();
  CLI::App& command =
      commands.Add(parent, "list", "List keys",
                   "  claviger key list -p acme --state active\n"
                   "  claviger key list --expire-before 30d --order-by expire_time\n"
                   "  claviger key list --unused-since 90d --order-by last_used_time --usage\n"
                   "  claviger key list --all -o json");
  AddFilters(command, *options);
  AddTimeFilters(command, *options);
  AddPaging(command, *options);
  commands.OnRun(command,
                 [options](CommandContext& context) { return ListKeys(*options, context); });
}

}  // namespace claviger::cli
