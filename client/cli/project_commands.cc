#include "client/cli/project_commands.h"

#include <fmt/format.h>

#include <cstdint>
#include <limits>
#include <memory>
#include <string>

#include "client/cli/confirmation.h"
#include "client/cli/paging.h"
#include "client/cli/project_view.h"
#include "client/cli/propagation_text.h"

namespace claviger::cli {
namespace {

struct ListOptions {
  int limit = 50;
  bool all = false;
  std::string page_token;
};

struct DeleteOptions {
  std::string id;
  uint64_t if_revision = 0;
  bool revoke_keys = false;
  bool commit = false;
  bool yes = false;
  bool dry_run = false;
};

ExitCode GetProject(const std::string& id, CommandContext& context) {
  const absl::StatusOr<Connection*> connection = context.Connect();
  if (!connection.ok()) return context.Fail(connection.status());
  v1::GetProjectRequest request;
  request.set_project_id(id);
  v1::GetProjectResponse response;
  const grpc::Status status = (*connection)->Call(Retry::kIfUnavailable, [&](auto* call) {
    return (*connection)->projects().GetProject(call, request, &response);
  });
  if (!status.ok()) return context.Fail(status);
  if (context.json()) return context.PrintJson(response);
  context.Print(ProjectFields(response.project(), context.Now()));
  return ExitCode::kOk;
}

ExitCode ListProjects(const ListOptions& options, CommandContext& context) {
  const absl::StatusOr<Connection*> connection = context.Connect();
  if (!connection.ok()) return context.Fail(connection.status());
  const int limit = options.all ? std::numeric_limits<int>::max() : options.limit;
  v1::ListProjectsResponse response;
  v1::ListProjectsRequest request;
  request.set_page_token(options.page_token);
  Connection& authority = **connection;
  const grpc::Status status = ReadUpTo(
      limit, request, authority, [](const auto& page) { return page.projects_size(); },
      [&authority](auto* call, const auto& page_request, auto* page) {
        return authority.projects().ListProjects(call, page_request, page);
      },
      response);
  if (!status.ok()) return context.Fail(status);
  if (context.json()) return context.PrintJson(response);
  if (response.projects().empty()) {
    context.Note("no projects that this caller may see");
  } else {
    context.Print(ProjectTable(response.projects(), context.Now()));
  }
  NoteMore(response.next_page_token(), context);
  return ExitCode::kOk;
}

// How many keys go with the project, as a question.
std::string QuestionAbout(const std::string& id, Connection& connection) {
  v1::ListKeysRequest request;
  request.add_project_ids(id);
  request.set_page_size(1);
  request.set_include_total_size(true);
  v1::ListKeysResponse response;
  const grpc::Status status = connection.Call(Retry::kIfUnavailable, [&](auto* call) {
    return connection.keys().ListKeys(call, request, &response);
  });
  // A caller may delete projects without being allowed to look into them.
  if (!status.ok()) return fmt::format("Delete project {} with all its keys, for good?", id);
  return fmt::format("Delete project {} with {} {}, for good?", id, response.total_size(),
                     response.total_size() == 1 ? "key" : "keys");
}

ExitCode DeleteProject(const DeleteOptions& options, CommandContext& context) {
  const absl::StatusOr<Connection*> connection = context.Connect();
  if (!connection.ok()) return context.Fail(connection.status());
  if (options.revoke_keys && !options.yes && !options.dry_run) {
    const absl::StatusOr<bool> confirmed =
        Confirm(context.console(), QuestionAbout(options.id, **connection));
    if (!confirmed.ok()) return context.Fail(confirmed.status());
    if (!*confirmed) {
      context.Note("nothing was changed");
      return ExitCode::kDenied;
    }
  }
  v1::DeleteProjectRequest request;
  request.set_project_id(options.id);
  request.set_if_revision(options.if_revision);
  request.set_validate_only(options.dry_run);
  request.set_revoke_keys(options.revoke_keys);
  if (options.commit) request.set_propagation(v1::PROPAGATION_MODE_COMMIT);
  v1::DeleteProjectResponse response;
  const grpc::Status status = (*connection)->Call(Retry::kNever, [&](auto* call) {
    return (*connection)->projects().DeleteProject(call, request, &response);
  });
  if (!status.ok()) return context.Fail(status);
  std::string line = options.dry_run ? "would be deleted" : "deleted";
  ExitCode code = ExitCode::kOk;
  if (response.has_propagation()) {
    line += "; " + DescribePropagation(response.propagation());
    code = ExitCodeFor(response.propagation());
  }
  if (context.json()) return Worse(code, context.PrintJson(response));
  context.Print(line + '\n');
  return code;
}

void AddGet(CLI::App& parent, CommandSet& commands) {
  auto id = std::make_shared<std::string>();
  CLI::App& command = commands.Add(parent, "get", "Show a project", "  claviger project get acme");
  command.add_option("id", *id, "Project id")->required()->type_name("ID");
  commands.OnRun(command, [id](CommandContext& context) { return GetProject(*id, context); });
}

void AddList(CLI::App& parent, CommandSet& commands) {
  auto options = std::make_shared<ListOptions>();
  CLI::App& command =
      commands.Add(parent, "list", "List the projects that the caller may see",
                   "  claviger project list\n  claviger project list --all -o json");
  CLI::Option* limit =
      command.add_option("--limit", options->limit, "At most so many (default 50)")
          ->check(CLI::Range(1, 1'000'000))
          ->type_name("N");
  command.add_flag("--all", options->all, "As many as there are")->excludes(limit);
  command.add_option("--page-token", options->page_token, "Go on where an earlier list ended")
      ->type_name("TOKEN");
  commands.OnRun(command,
                 [options](CommandContext& context) { return ListProjects(*options, context); });
}

void AddDelete(CLI::App& parent, CommandSet& commands) {
  auto options = std::make_shared<DeleteOptions>();
  CLI::App& command =
      commands.Add(parent, "delete", "Remove a project that has no keys, or with its keys",
                   "  claviger project delete acme\n"
                   "  claviger project delete acme --revoke-keys");
  command.add_option("id", options->id, "Project id")->required()->type_name("ID");
  command.add_option("--if-revision", options->if_revision, "Only if it is at this revision")
      ->type_name("N");
  command.add_flag("--revoke-keys", options->revoke_keys,
                   "Revoke and delete all its keys with it; asks first");
  command.add_flag("--commit", options->commit,
                   "With --revoke-keys: do not wait until no verifier accepts them");
  command.add_flag("-y,--yes", options->yes, "With --revoke-keys: do not ask");
  command.add_flag("--dry-run", options->dry_run, "Check everything, delete nothing");
  commands.OnRun(command,
                 [options](CommandContext& context) { return DeleteProject(*options, context); });
}

}  // namespace

void AddProjectCommands(CLI::App& parent, CommandSet& commands) {
  AddGet(parent, commands);
  AddList(parent, commands);
  AddDelete(parent, commands);
}

}  // namespace claviger::cli
