#include <fmt/format.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "client/cli/enum_text.h"
#include "client/cli/error_text.h"
#include "client/cli/json_output.h"
#include "client/cli/key_commands.h"
#include "client/cli/key_filter_options.h"
#include "client/cli/key_revoke_many.h"
#include "client/cli/propagation_text.h"

namespace claviger::cli {
namespace {

struct ChangeOptions {
  std::vector<std::string> ids;
  KeyFilterOptions filter;  // in place of the ids
  int64_t max_keys = 0;
  bool yes = false;
  std::string reason;
  std::string note;
  uint64_t if_revision = 0;
  bool commit = false;
  bool dry_run = false;
};

// What became of one key.
struct Outcome {
  grpc::Status status;
  // Shared, so that one type holds all responses; null unless `status` is OK.
  std::shared_ptr<google::protobuf::Message> response;
  // Words behind `revoked`, without the semicolon; may be empty.
  std::string propagation;
  // Unless `status` is an error.
  ExitCode exit_code = ExitCode::kOk;
};

using Change = std::function<Outcome(const std::string& id, const ChangeOptions&, Connection&)>;

v1::PropagationMode ModeOf(const ChangeOptions& options) {
  return options.commit ? v1::PROPAGATION_MODE_COMMIT : v1::PROPAGATION_MODE_UNSPECIFIED;
}

// A change is never repeated by itself: the answer to the first attempt, the proof of how far it
// reached, would be lost.
template <typename Request, typename Response>
Outcome Make(Connection& connection, const Request& request,
             grpc::Status (v1::KeyAuthority::Stub::*method)(grpc::ClientContext*, const Request&,
                                                            Response*)) {
  auto response = std::make_shared<Response>();
  Outcome outcome;
  outcome.status = connection.Call(Retry::kNever, [&](grpc::ClientContext* call) {
    return (connection.keys().*method)(call, request, response.get());
  });
  if constexpr (requires { response->propagation(); }) {
    if (response->has_propagation()) {
      outcome.propagation = DescribePropagation(response->propagation());
      outcome.exit_code = ExitCodeFor(response->propagation());
    }
  }
  outcome.response = std::move(response);
  return outcome;
}

Outcome Disable(const std::string& id, const ChangeOptions& options, Connection& connection) {
  v1::DisableKeyRequest request;
  request.set_key_id(id);
  request.set_if_revision(options.if_revision);
  request.set_propagation(ModeOf(options));
  request.set_validate_only(options.dry_run);
  return Make(connection, request, &v1::KeyAuthority::Stub::DisableKey);
}

Outcome Enable(const std::string& id, const ChangeOptions& options, Connection& connection) {
  v1::EnableKeyRequest request;
  request.set_key_id(id);
  request.set_if_revision(options.if_revision);
  request.set_validate_only(options.dry_run);
  return Make(connection, request, &v1::KeyAuthority::Stub::EnableKey);
}

Outcome Revoke(const std::string& id, const ChangeOptions& options, Connection& connection) {
  v1::RevokeKeyRequest request;
  request.set_key_id(id);
  request.set_reason(EnumFromChoice<v1::RevokeReason>(options.reason));
  request.set_note(options.note);
  request.set_if_revision(options.if_revision);
  request.set_propagation(ModeOf(options));
  request.set_validate_only(options.dry_run);
  return Make(connection, request, &v1::KeyAuthority::Stub::RevokeKey);
}

Outcome Delete(const std::string& id, const ChangeOptions& options, Connection& connection) {
  v1::DeleteKeyRequest request;
  request.set_key_id(id);
  request.set_reason(EnumFromChoice<v1::RevokeReason>(options.reason));
  request.set_note(options.note);
  request.set_if_revision(options.if_revision);
  request.set_propagation(ModeOf(options));
  request.set_validate_only(options.dry_run);
  return Make(connection, request, &v1::KeyAuthority::Stub::DeleteKey);
}

Outcome Undelete(const std::string& id, const ChangeOptions& options, Connection& connection) {
  v1::UndeleteKeyRequest request;
  request.set_key_id(id);
  request.set_if_revision(options.if_revision);
  request.set_validate_only(options.dry_run);
  return Make(connection, request, &v1::KeyAuthority::Stub::UndeleteKey);
}

// `revoked; no verifier held it (0 sessions)`, after the id where there are several.
std::string Line(const std::string& id, const ChangeOptions& options, const std::string& done,
                 const Outcome& outcome) {
  std::string line = options.ids.size() > 1 ? id + "  " : "";
  line += options.dry_run ? "would be " + done : done;
  if (!outcome.propagation.empty() && !options.dry_run) line += "; " + outcome.propagation;
  return line + '\n';
}

// The element for `outcome` in the list that stands for several keys.
std::string JsonElement(const std::string& id, const Outcome& outcome) {
  if (outcome.status.ok()) return ToJson(*outcome.response).value_or("null\n");
  google::protobuf::Struct failure;
  auto& fields = *failure.mutable_fields();
  fields["keyId"].set_string_value(id);
  fields["error"].set_string_value(outcome.status.error_message());
  fields["reason"].set_string_value(ReasonOf(outcome.status));
  return ToJson(failure).value_or("null\n");
}

ExitCode Apply(const ChangeOptions& options, const std::string& done, const Change& change,
               CommandContext& context) {
  if (options.if_revision != 0 && options.ids.size() > 1) {
    return context.Fail(absl::InvalidArgumentError("--if-revision: only with one key id"));
  }
  const absl::StatusOr<Connection*> connection = context.Connect();
  if (!connection.ok()) return context.Fail(connection.status());
  ExitCode worst = ExitCode::kOk;
  std::string json;
  for (const std::string& id : options.ids) {
    const Outcome outcome = change(id, options, **connection);
    if (!outcome.status.ok()) {
      if (options.ids.size() > 1) context.Note(id + ":");
      worst = Worse(worst, context.Fail(outcome.status));
    } else {
      worst = Worse(worst, outcome.exit_code);
      if (!context.json()) context.Print(Line(id, options, done, outcome));
    }
    if (!context.json()) continue;
    if (!json.empty()) json.insert(json.size() - 1, ",");
    json += JsonElement(id, outcome);
  }
  if (!context.json()) return worst;
  // One key: its response, as for every other command; an error is on stderr then.
  if (options.ids.size() > 1) json = "[\n" + json + "]\n";
  const bool answered = worst == ExitCode::kOk || worst == ExitCode::kPending;
  if (options.ids.size() > 1 || answered) context.Print(json);
  return worst;
}

CLI::App& AddChange(CLI::App& parent, CommandSet& commands, const std::string& name,
                    const std::string& done, const std::string& summary,
                    const std::string& examples, ChangeOptions& options) {
  CLI::App& command = commands.Add(parent, name, summary, examples);
  command.add_option("id", options.ids, "Key ids")->required()->type_name("ID");
  command.add_option("--if-revision", options.if_revision, "Only if the key is at this revision")
      ->type_name("N");
  command.add_flag("--dry-run", options.dry_run,
                   fmt::format("Check whether it could be {}, change nothing", done));
  return command;
}

void AddCommit(CLI::App& command, ChangeOptions& options) {
  command.add_flag("--commit", options.commit,
                   "Do not wait until no verifier accepts it; it is safe a lease later");
}

void AddDisable(CLI::App& parent, CommandSet& commands) {
  auto options = std::make_shared<ChangeOptions>();
  CLI::App& command = AddChange(parent, commands, "disable", "disabled",
                                "Stop keys for now; enable lets them verify again",
                                "  claviger key disable 00Yx3bTnQ5vLr8Wz", *options);
  AddCommit(command, *options);
  commands.OnRun(command, [options](CommandContext& context) {
    return Apply(*options, "disabled", Disable, context);
  });
}

void AddEnable(CLI::App& parent, CommandSet& commands) {
  auto options = std::make_shared<ChangeOptions>();
  CLI::App& command =
      AddChange(parent, commands, "enable", "enabled", "Let disabled keys verify again",
                "  claviger key enable 00Yx3bTnQ5vLr8Wz", *options);
  commands.OnRun(command, [options](CommandContext& context) {
    return Apply(*options, "enabled", Enable, context);
  });
}

void AddReason(CLI::App& command, ChangeOptions& options) {
  command.add_option("--reason", options.reason, "Why; kept with the key")
      ->check(CLI::IsMember(EnumChoices<v1::RevokeReason>()))
      ->type_name("REASON");
  command.add_option("--note", options.note, "More about why; at most 1024 characters");
}

// By ids, each by a call of its own; or by filter, all by one.
ExitCode RevokeChosen(const ChangeOptions& options, CommandContext& context) {
  v1::RevokeKeysRequest request;
  const absl::Status filled =
      FillKeyFilter(options.filter, context.Now(), *request.mutable_filter());
  if (!filled.ok()) return context.Fail(filled);
  const bool by_filter = request.filter().ByteSizeLong() > 0;
  if (by_filter == !options.ids.empty()) {
    return context.Fail(absl::InvalidArgumentError("give either key ids or a filter"));
  }
  if (!by_filter) return Apply(options, "revoked", Revoke, context);
  if (options.if_revision != 0) {
    return context.Fail(absl::InvalidArgumentError("--if-revision: only with one key id"));
  }
  request.set_reason(EnumFromChoice<v1::RevokeReason>(options.reason));
  request.set_note(options.note);
  request.set_propagation(ModeOf(options));
  request.set_validate_only(options.dry_run);
  request.set_max_keys(options.max_keys);
  return RevokeMany(std::move(request), options.yes, context);
}

void AddRevoke(CLI::App& parent, CommandSet& commands) {
  auto options = std::make_shared<ChangeOptions>();
  CLI::App& command = AddChange(
      parent, commands, "revoke", "revoked", "Stop keys for good; nothing brings them back",
      "  claviger key revoke 00Yx3bTnQ5vLr8Wz --reason compromised --note 'in a public log'\n"
      "  claviger key revoke --owner bob --reason owner-left\n"
      "  claviger key revoke -p acme --label team=web --dry-run",
      *options);
  command.get_option("id")->required(false);
  AddReason(command, *options);
  AddCommit(command, *options);
  AddKeyFilters(command, options->filter);
  command
      .add_option("--max-keys", options->max_keys,
                  "With filters: change nothing if more keys would be revoked (default 10000)")
      ->check(CLI::Range(1, 1'000'000))
      ->type_name("N");
  command.add_flag("-y,--yes", options->yes, "With filters: do not ask");
  commands.OnRun(command,
                 [options](CommandContext& context) { return RevokeChosen(*options, context); });
}

void AddKeyDelete(CLI::App& parent, CommandSet& commands) {
  auto options = std::make_shared<ChangeOptions>();
  CLI::App& command = AddChange(parent, commands, "delete", "deleted",
                                "Stop keys for good and hide them; purged after a while",
                                "  claviger key delete 00Yx3bTnQ5vLr8Wz", *options);
  AddReason(command, *options);
  AddCommit(command, *options);
  commands.OnRun(command, [options](CommandContext& context) {
    return Apply(*options, "deleted", Delete, context);
  });
}

void AddKeyUndelete(CLI::App& parent, CommandSet& commands) {
  auto options = std::make_shared<ChangeOptions>();
  CLI::App& command = AddChange(parent, commands, "undelete", "shown again",
                                "Show deleted keys again; they stay revoked",
                                "  claviger key undelete 00Yx3bTnQ5vLr8Wz", *options);
  commands.OnRun(command, [options](CommandContext& context) {
    return Apply(*options, "shown again, still revoked", Undelete, context);
  });
}

}  // namespace

void AddKeyStateChanges(CLI::App& parent, CommandSet& commands) {
  AddDisable(parent, commands);
  AddEnable(parent, commands);
  AddRevoke(parent, commands);
  AddKeyDelete(parent, commands);
  AddKeyUndelete(parent, commands);
}

}  // namespace claviger::cli
