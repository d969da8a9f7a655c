#include <fmt/format.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "client/cli/durations.h"
#include "client/cli/enum_text.h"
#include "client/cli/key_commands.h"
#include "client/cli/key_view.h"
#include "client/cli/new_key_output.h"
#include "client/cli/request_fields.h"
#include "client/cli/time_text.h"

namespace claviger::cli {
namespace {

struct IssueOptions {
  std::string project;
  std::string name;
  std::string description;
  std::vector<std::string> scopes;
  std::optional<std::string> ttl;
  std::optional<std::string> expires;
  std::string owner;
  std::vector<std::string> labels;
  std::string metadata;
  std::vector<std::string> cidrs;
  std::string environment;
  std::vector<std::string> bound_projects;
  NewKeyOptions output;
};

absl::Status FillExpiration(const IssueOptions& options, v1::IssueKeyRequest& request) {
  if (options.ttl.has_value()) {
    const absl::StatusOr<std::optional<absl::Duration>> ttl = ParseTtl("--ttl", *options.ttl);
    if (!ttl.ok()) return ttl.status();
    if (ttl->has_value()) *request.mutable_ttl() = ToProto(**ttl);
  }
  if (options.expires.has_value()) {
    const absl::StatusOr<absl::Time> time = ParseTime("--expires", *options.expires);
    if (!time.ok()) return time.status();
    *request.mutable_expire_time() = ToProto(*time);
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::IssueKeyRequest> MakeRequest(const IssueOptions& options,
                                                CommandContext& context) {
  v1::IssueKeyRequest request;
  request.set_project_id(options.project);
  request.set_display_name(options.name);
  request.set_description(options.description);
  request.set_environment(EnumFromChoice<v1::Environment>(options.environment));
  FillStrings(options.scopes, *request.mutable_scopes());
  request.set_owner(options.owner);
  FillStrings(options.cidrs, *request.mutable_allowed_cidrs());
  FillStrings(options.bound_projects, *request.mutable_bound_project_ids());
  request.set_validate_only(options.output.dry_run);
  absl::Status status = FillExpiration(options, request);
  if (status.ok()) status = FillLabels("--label", options.labels, *request.mutable_labels());
  if (status.ok() && !options.metadata.empty()) {
    status = FillMetadata("--metadata", options.metadata, *request.mutable_metadata());
  }
  if (!status.ok()) return status;
  absl::StatusOr<std::string> request_id = RequestIdFor(options.output, context);
  if (!request_id.ok()) return request_id.status();
  request.set_request_id(*std::move(request_id));
  return request;
}

void NoteSurprises(const IssueOptions& options, const v1::IssueKeyResponse& response,
                   CommandContext& context) {
  if (options.output.dry_run) context.Note("nothing was issued (--dry-run)");
  if (options.ttl == "none" && response.info().has_expire_time()) {
    context.Note(fmt::format("the project's policy lets it expire: {}",
                             FormatRfc3339(FromProto(response.info().expire_time()))));
  }
}

ExitCode IssueKey(const IssueOptions& options, CommandContext& context) {
  const absl::StatusOr<v1::IssueKeyRequest> request = MakeRequest(options, context);
  if (!request.ok()) return context.Fail(request.status());
  const absl::StatusOr<Connection*> connection = context.Connect();
  if (!connection.ok()) return context.Fail(connection.status());
  NewKeyOutput output(options.output, request->request_id(), context);
  if (const absl::Status opened = output.Open(); !opened.ok()) return context.Fail(opened);
  v1::IssueKeyResponse response;
  const grpc::Status status = (*connection)->Call(Retry::kIfUnavailable, [&](auto* call) {
    return (*connection)->keys().IssueKey(call, *request, &response);
  });
  if (!status.ok()) return output.Fail(status);
  const ExitCode code =
      output.Deliver(*response.mutable_key(), response, KeyFields(response.info(), context.Now()));
  if (!options.output.quiet) NoteSurprises(options, response, context);
  return code;
}

void AddOptions(CLI::App& command, IssueOptions& options) {
  command.add_option("-p,--project", options.project, "Project to issue in")
      ->required()
      ->type_name("ID");
  command.add_option("-n,--name", options.name, "What it is called, 1 to 128 characters")
      ->required();
  command.add_option("--description", options.description, "At most 1024 characters");
  AddRepeated(command, "-s,--scope", options.scopes, "What it may do; may be repeated")
      .type_name("SCOPE");
  CLI::Option* ttl =
      command
          .add_option("--ttl", options.ttl,
                      "How long it lives: 30d 60d 90d 180d 1y none, or e.g. 12h, 45d;\n"
                      "units ms s m h d w y, m is minutes")
          ->type_name("DURATION");
  command.add_option("--expires", options.expires, "When it ends, RFC 3339 or a date")
      ->type_name("TIME")
      ->excludes(ttl);
  command.add_option("--owner", options.owner, "Whom it acts for");
  AddRepeated(command, "-l,--label", options.labels, "May be repeated").type_name("KEY=VALUE");
  command.add_option("--metadata", options.metadata, "For verifiers; at most 4 KiB")
      ->type_name("JSON|@FILE");
  AddRepeated(command, "--cidr", options.cidrs, "From where it may be used; may be repeated")
      .type_name("CIDR");
  command.add_option("--env", options.environment, "Real traffic (live, the default) or trials")
      ->check(CLI::IsMember(EnumChoices<v1::Environment>()))
      ->type_name("ENV");
  AddRepeated(command, "--bind-project", options.bound_projects,
              "Management keys (project claviger): act in this project only; may be repeated")
      .type_name("ID");
  AddNewKeyOptions(command, options.output, "Check everything, issue nothing");
}

}  // namespace

void AddKeyIssue(CLI::App& parent, CommandSet& commands) {
  auto options = std::make_shared<IssueOptions>();
  CLI::App& command = commands.Add(
      parent, "issue", "Issue a key; the key is shown this once",
      "  claviger key issue -p acme -n 'billing export' -s invoices:read --ttl 90d\n"
      "  KEY=$(claviger key issue -q -p acme -n ci -s deploy:* --ttl 12h)\n"
      "  claviger key issue -p acme -n partner --expires 2030-01-31 --key-out partner.key\n"
      "  claviger key issue -p claviger -n verifier -s keys.verify --bind-project acme");
  AddOptions(command, *options);
  commands.OnRun(command,
                 [options](CommandContext& context) { return IssueKey(*options, context); });
}

}  // namespace claviger::cli
