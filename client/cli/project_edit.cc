#include <fmt/format.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client/cli/durations.h"
#include "client/cli/project_commands.h"
#include "client/cli/project_view.h"
#include "client/cli/request_fields.h"
#include "client/cli/time_text.h"

namespace claviger::cli {
namespace {

// Fields that were named; the others stay as they are.
struct EditOptions {
  std::string id;
  std::optional<std::string> display_name;
  std::optional<std::string> key_prefix;
  std::vector<std::string> scopes;
  bool any_scope = false;
  std::optional<std::string> max_ttl;
  std::optional<std::string> default_ttl;
  std::optional<bool> require_expiry;
  std::optional<bool> require_cidrs;
  uint64_t if_revision = 0;
  bool dry_run = false;
};

// A project with the fields that were named, and their paths.
struct Edit {
  v1::Project project;
  google::protobuf::FieldMask mask;
};

absl::Status FillTtls(const EditOptions& options, Edit& edit) {
  v1::ProjectPolicy& policy = *edit.project.mutable_policy();
  if (options.max_ttl.has_value()) {
    const auto ttl = ParseTtl("--max-ttl", *options.max_ttl);
    if (!ttl.ok()) return ttl.status();
    if (ttl->has_value()) *policy.mutable_max_key_ttl() = ToProto(**ttl);
    edit.mask.add_paths("policy.max_key_ttl");
  }
  if (options.default_ttl.has_value()) {
    const auto ttl = ParseTtl("--default-ttl", *options.default_ttl);
    if (!ttl.ok()) return ttl.status();
    if (ttl->has_value()) *policy.mutable_default_key_ttl() = ToProto(**ttl);
    edit.mask.add_paths("policy.default_key_ttl");
  }
  return absl::OkStatus();
}

absl::StatusOr<Edit> MakeEdit(const EditOptions& options) {
  Edit edit;
  edit.project.set_project_id(options.id);
  if (options.display_name.has_value()) {
    edit.project.set_display_name(*options.display_name);
    edit.mask.add_paths("display_name");
  }
  if (options.key_prefix.has_value()) {
    edit.project.set_key_prefix(*options.key_prefix);
    edit.mask.add_paths("key_prefix");
  }
  if (!options.scopes.empty() || options.any_scope) {
    FillStrings(options.scopes, *edit.project.mutable_scope_catalog());
    edit.mask.add_paths("scope_catalog");
  }
  if (options.require_expiry.has_value()) {
    edit.project.mutable_policy()->set_require_expiry(*options.require_expiry);
    edit.mask.add_paths("policy.require_expiry");
  }
  if (options.require_cidrs.has_value()) {
    edit.project.mutable_policy()->set_allowed_cidrs_required(*options.require_cidrs);
    edit.mask.add_paths("policy.allowed_cidrs_required");
  }
  if (absl::Status status = FillTtls(options, edit); !status.ok()) return status;
  return edit;
}

ExitCode Show(const google::protobuf::Message& response, const v1::Project& project, bool dry_run,
              CommandContext& context) {
  if (context.json()) return context.PrintJson(response);
  context.Print(ProjectFields(project, context.Now()));
  if (dry_run) context.Note("nothing was changed (--dry-run)");
  return ExitCode::kOk;
}

ExitCode CreateProject(const EditOptions& options, CommandContext& context) {
  const absl::StatusOr<Edit> edit = MakeEdit(options);
  if (!edit.ok()) return context.Fail(edit.status());
  const absl::StatusOr<Connection*> connection = context.Connect();
  if (!connection.ok()) return context.Fail(connection.status());
  v1::CreateProjectRequest request;
  *request.mutable_project() = edit->project;
  request.set_validate_only(options.dry_run);
  v1::CreateProjectResponse response;
  const grpc::Status status = (*connection)->Call(Retry::kNever, [&](auto* call) {
    return (*connection)->projects().CreateProject(call, request, &response);
  });
  if (!status.ok()) return context.Fail(status);
  return Show(response, response.project(), options.dry_run, context);
}

ExitCode UpdateProject(const EditOptions& options, CommandContext& context) {
  const absl::StatusOr<Edit> edit = MakeEdit(options);
  if (!edit.ok()) return context.Fail(edit.status());
  if (edit->mask.paths().empty()) {
    return context.Fail(absl::InvalidArgumentError("nothing to change: name at least one field"));
  }
  const absl::StatusOr<Connection*> connection = context.Connect();
  if (!connection.ok()) return context.Fail(connection.status());
  v1::UpdateProjectRequest request;
  *request.mutable_project() = edit->project;
  *request.mutable_update_mask() = edit->mask;
  request.set_if_revision(options.if_revision);
  request.set_validate_only(options.dry_run);
  v1::UpdateProjectResponse response;
  const grpc::Status status = (*connection)->Call(Retry::kNever, [&](auto* call) {
    return (*connection)->projects().UpdateProject(call, request, &response);
  });
  if (!status.ok()) return context.Fail(status);
  return Show(response, response.project(), options.dry_run, context);
}

// `--NAME` and `--no-NAME`; neither leaves `value` empty.
void AddYesNo(CLI::App& command, const std::string& name, std::optional<bool>& value,
              const std::string& description) {
  command.add_flag_function(
      fmt::format("--{},!--no-{}", name, name), [&value](int64_t count) { value = count > 0; },
      description);
}

void AddFields(CLI::App& command, EditOptions& options) {
  command.add_option("id", options.id, "Project id: [a-z][a-z0-9-]{1,62}")
      ->required()
      ->type_name("ID");
  command.add_option("-n,--name", options.display_name, "What it is called");
  command.add_option("--key-prefix", options.key_prefix,
                     "How its keys begin (default clv); holds for keys issued from then on");
  AddRepeated(command, "-s,--scope", options.scopes,
              "A scope that its keys may have; may be repeated (none: any)")
      .type_name("SCOPE");
  command.add_option("--max-ttl", options.max_ttl, "Longest life of a key; none: no limit")
      ->type_name("DURATION");
  command
      .add_option("--default-ttl", options.default_ttl,
                  "Life of a key whose issuer says nothing; none: --max-ttl, else for ever")
      ->type_name("DURATION");
  AddYesNo(command, "require-expiry", options.require_expiry,
           "Refuse keys that would never expire");
  AddYesNo(command, "require-cidrs", options.require_cidrs,
           "Refuse keys that are not limited to addresses");
  command.add_flag("--dry-run", options.dry_run, "Check everything, change nothing");
}

void AddCreate(CLI::App& parent, CommandSet& commands) {
  auto options = std::make_shared<EditOptions>();
  CLI::App& command = commands.Add(
      parent, "create", "Make a project",
      "  claviger project create acme --name 'Acme API'\n"
      "  claviger project create shop -s invoices:read -s invoices:write --max-ttl 1y");
  AddFields(command, *options);
  commands.OnRun(command,
                 [options](CommandContext& context) { return CreateProject(*options, context); });
}

void AddUpdate(CLI::App& parent, CommandSet& commands) {
  auto options = std::make_shared<EditOptions>();
  CLI::App& command = commands.Add(
      parent, "update", "Change a project: only what is named; scopes are replaced as a whole",
      "  claviger project update acme --default-ttl 90d --require-expiry\n"
      "  claviger project update acme --any-scope --if-revision 42");
  AddFields(command, *options);
  command.add_flag("--any-scope", options->any_scope, "Let its keys have any scope")
      ->excludes(command.get_option("--scope"));
  command.add_option("--if-revision", options->if_revision, "Only if it is at this revision")
      ->type_name("N");
  commands.OnRun(command,
                 [options](CommandContext& context) { return UpdateProject(*options, context); });
}

}  // namespace

void AddProjectEdits(CLI::App& parent, CommandSet& commands) {
  AddCreate(parent, commands);
  AddUpdate(parent, commands);
}

}  // namespace claviger::cli
