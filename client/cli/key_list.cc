#include <fmt/format.h>

#include <limits>
#include <memory>
#include <string>
#include <utility>

#include "client/cli/key_commands.h"
#include "client/cli/key_filter_options.h"
#include "client/cli/key_view.h"
#include "client/cli/paging.h"

namespace claviger::cli {
namespace {

struct ListOptions {
  KeyFilterOptions filter;
  bool hide_revoked = false;
  bool usage = false;
  std::string order_by;
  int limit = 50;
  bool all = false;
  bool total = false;
  std::string page_token;
};

absl::StatusOr<v1::ListKeysRequest> MakeRequest(const ListOptions& options, absl::Time now) {
  v1::ListKeysRequest request;
  if (absl::Status s = FillKeyFilter(options.filter, now, request); !s.ok()) return s;
  request.set_hide_revoked(options.hide_revoked);
  request.set_order_by(options.order_by);
  request.set_page_token(options.page_token);
  request.set_include_total_size(options.total);
  request.set_include_usage(options.usage);
  return request;
}

ExitCode ListKeys(const ListOptions& options, CommandContext& context) {
  const absl::StatusOr<v1::ListKeysRequest> request = MakeRequest(options, context.Now());
  if (!request.ok()) return context.Fail(request.status());
  const absl::StatusOr<Connection*> connection = context.Connect();
  if (!connection.ok()) return context.Fail(connection.status());
  const int limit = options.all ? std::numeric_limits<int>::max() : options.limit;
  v1::ListKeysResponse response;
  Connection& authority = **connection;
  const grpc::Status status = ReadUpTo(
      limit, *request, authority, [](const auto& page) { return page.keys_size(); },
      [&authority](auto* call, const auto& page_request, auto* page) {
        return authority.keys().ListKeys(call, page_request, page);
      },
      response);
  if (!status.ok()) return context.Fail(status);
  if (context.json()) return context.PrintJson(response);
  if (response.keys().empty()) {
    context.Note("no keys match");
  } else {
    context.Print(KeyTable(response.keys(), context.Now(),
                           {.usage = options.usage,
                            .keep_owner = !options.filter.owner.empty(),
                            .keep_last_used = options.order_by.starts_with("last_used_time")}));
  }
  if (options.total) context.Note(fmt::format("{} in total", response.total_size()));
  NoteMore(response.next_page_token(), context);
  return ExitCode::kOk;
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
  AddKeyFilters(command, options->filter);
  command.add_flag("--hide-revoked", options->hide_revoked, "Leave revoked keys out")
      ->group("Filters");
  AddPaging(command, *options);
  commands.OnRun(command,
                 [options](CommandContext& context) { return ListKeys(*options, context); });
}

}  // namespace claviger::cli
