#include <limits>
#include <memory>
#include <string>

#include "client/cli/audit_commands.h"
#include "client/cli/audit_filter.h"
#include "client/cli/audit_view.h"
#include "client/cli/paging.h"

namespace claviger::cli {
namespace {

struct AuditListOptions {
  AuditFilterOptions filter;
  bool oldest_first = false;
  int limit = 50;
  bool all = false;
  std::string page_token;
};

ExitCode ListAudit(const AuditListOptions& options, CommandContext& context) {
  v1::ListAuditEventsRequest request;
  const absl::Status filled =
      FillAuditFilter(options.filter, context.Now(), *request.mutable_filter());
  if (!filled.ok()) return context.Fail(filled);
  request.set_oldest_first(options.oldest_first);
  request.set_page_token(options.page_token);
  const absl::StatusOr<Connection*> connection = context.Connect();
  if (!connection.ok()) return context.Fail(connection.status());
  const int limit = options.all ? std::numeric_limits<int>::max() : options.limit;
  v1::ListAuditEventsResponse response;
  Connection& authority = **connection;
  const grpc::Status status = ReadUpTo(
      limit, request, authority, [](const auto& page) { return page.events_size(); },
      [&authority](auto* call, const auto& page_request, auto* page) {
        return authority.audit().ListAuditEvents(call, page_request, page);
      },
      response);
  if (!status.ok()) return context.Fail(status);
  if (context.json()) return context.PrintJson(response);
  if (response.events().empty()) {
    context.Note("no entries match");
  } else {
    context.Print(AuditTable(response.events()));
  }
  NoteMore(response.next_page_token(), context);
  return ExitCode::kOk;
}

}  // namespace

void AddAuditList(CLI::App& parent, CommandSet& commands) {
  auto options = std::make_shared<AuditListOptions>();
  CLI::App& command = commands.Add(parent, "list", "List entries of the audit log, newest first",
                                   "  claviger audit list -p acme --since 7d\n"
                                   "  claviger audit list --refused --limit 20\n"
                                   "  claviger audit list --key 00Yx3bTnQ5vLr8Wz --all -o json");
  AddAuditFilter(command, options->filter, /*with_times=*/true);
  command.add_flag("--oldest-first", options->oldest_first, "Oldest first");
  CLI::Option* limit =
      command.add_option("--limit", options->limit, "At most so many (default 50)")
          ->check(CLI::Range(1, 1'000'000))
          ->type_name("N");
  command.add_flag("--all", options->all, "As many as there are")->excludes(limit);
  command
      .add_option("--page-token", options->page_token,
                  "Go on where an earlier list ended; filters as they were, times absolute")
      ->type_name("TOKEN");
  commands.OnRun(command,
                 [options](CommandContext& context) { return ListAudit(*options, context); });
}

}  // namespace claviger::cli
