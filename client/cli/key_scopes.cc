#include <fmt/format.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "client/cli/key_commands.h"
#include "client/cli/key_view.h"
#include "client/cli/propagation_text.h"
#include "client/cli/request_fields.h"

namespace claviger::cli {
namespace {

struct ScopesOptions {
  std::string id;
  std::vector<std::string> add;
  std::vector<std::string> remove;
  // nullopt-like: `set_given` tells `--set ''` from no `--set`.
  std::string set;
  bool set_given = false;
  uint64_t if_revision = 0;
  bool commit = false;
  bool dry_run = false;

  bool changes() const { return set_given || !add.empty() || !remove.empty(); }
};

// `a,b , c` as a, b, c; an empty text is no scope.
std::vector<std::string> SplitScopes(const std::string& text) {
  std::vector<std::string> scopes;
  size_t begin = 0;
  while (begin <= text.size()) {
    const size_t comma = std::min(text.find(',', begin), text.size());
    std::string scope = text.substr(begin, comma - begin);
    scope.erase(0, scope.find_first_not_of(' '));
    scope.erase(scope.find_last_not_of(' ') + 1);
    if (!scope.empty()) scopes.push_back(std::move(scope));
    begin = comma + 1;
  }
  return scopes;
}

v1::UpdateScopesRequest MakeRequest(const ScopesOptions& options) {
  v1::UpdateScopesRequest request;
  request.set_key_id(options.id);
  FillStrings(options.add, *request.mutable_add());
  FillStrings(options.remove, *request.mutable_remove());
  if (options.set_given) {
    FillStrings(SplitScopes(options.set), *request.mutable_replace_with()->mutable_scopes());
  }
  request.set_if_revision(options.if_revision);
  if (options.commit) request.set_propagation(v1::PROPAGATION_MODE_COMMIT);
  request.set_validate_only(options.dry_run);
  return request;
}

ExitCode ShowScopes(const ScopesOptions& options, Connection& connection, CommandContext& context) {
  v1::GetKeyRequest request;
  request.set_key_id(options.id);
  v1::GetKeyResponse response;
  const grpc::Status status = connection.Call(Retry::kIfUnavailable, [&](auto* call) {
    return connection.keys().GetKey(call, request, &response);
  });
  if (!status.ok()) return context.Fail(status);
  if (context.json()) return context.PrintJson(response);
  FieldList fields;
  fields.Add("scopes", JoinOrNone(response.info().scopes()));
  context.Print(fields);
  return ExitCode::kOk;
}

ExitCode ChangeScopes(const ScopesOptions& options, Connection& connection,
                      CommandContext& context) {
  const v1::UpdateScopesRequest request = MakeRequest(options);
  v1::UpdateScopesResponse response;
  const grpc::Status status = connection.Call(Retry::kNever, [&](auto* call) {
    return connection.keys().UpdateScopes(call, request, &response);
  });
  if (!status.ok()) return context.Fail(status);
  const ExitCode reached = ExitCodeFor(response.propagation());
  if (context.json()) return Worse(context.PrintJson(response), reached);
  FieldList fields;
  fields.Add("added", JoinOrNone(response.added()));
  fields.Add("removed", JoinOrNone(response.removed()));
  fields.Add("scopes", JoinOrNone(response.info().scopes()));
  if (response.has_propagation()) {
    fields.Add("narrowed", DescribePropagation(response.propagation()));
  }
  context.Print(fields);
  if (options.dry_run) context.Note("nothing was changed (--dry-run)");
  return reached;
}

ExitCode Scopes(const ScopesOptions& options, CommandContext& context) {
  const absl::StatusOr<Connection*> connection = context.Connect();
  if (!connection.ok()) return context.Fail(connection.status());
  return options.changes() ? ChangeScopes(options, **connection, context)
                           : ShowScopes(options, **connection, context);
}

}  // namespace

void AddKeyScopes(CLI::App& parent, CommandSet& commands) {
  auto options = std::make_shared<ScopesOptions>();
  CLI::App& command = commands.Add(parent, "scopes", "Show or change what a key may do",
                                   "  claviger key scopes 00Yx3bTnQ5vLr8Wz\n"
                                   "  claviger key scopes 00Yx3bTnQ5vLr8Wz --add invoices:read "
                                   "--remove invoices:*\n"
                                   "  claviger key scopes 00Yx3bTnQ5vLr8Wz --set "
                                   "invoices:read,reports:read");
  command.add_option("id", options->id, "Key id")->required()->type_name("ID");
  CLI::Option& add = AddRepeated(command, "--add", options->add, "May be repeated");
  CLI::Option& remove = AddRepeated(command, "--remove", options->remove, "May be repeated");
  CLI::Option* set = command
                         .add_option_function<std::string>(
                             "--set",
                             [options](const std::string& text) {
                               options->set = text;
                               options->set_given = true;
                             },
                             "Exactly these, joined by commas; '' takes all away")
                         ->excludes(&add)
                         ->excludes(&remove);
  add.type_name("SCOPE");
  remove.type_name("SCOPE");
  set->type_name("SCOPES");
  command.add_option("--if-revision", options->if_revision, "Only if the key is at this revision")
      ->type_name("N");
  command.add_flag("--commit", options->commit, "Do not wait for verifiers when it narrows");
  command.add_flag("--dry-run", options->dry_run, "Check everything, change nothing");
  commands.OnRun(command, [options](CommandContext& context) { return Scopes(*options, context); });
}

}  // namespace claviger::cli
