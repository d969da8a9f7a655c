#include "client/cli/verify_command.h"

#include <fmt/format.h>

#include <memory>
#include <string>
#include <vector>

#include "client/cli/display_text.h"
#include "client/cli/enum_text.h"
#include "client/cli/key_commands.h"
#include "client/cli/key_view.h"
#include "client/cli/request_fields.h"
#include "client/cli/secret_input.h"

namespace claviger::cli {
namespace {

constexpr char kStandardInput[] = "-";

struct VerifyOptions {
  std::string from = kStandardInput;
  std::string project;
  std::vector<std::string> scopes;
  std::vector<std::string> any_scopes;
  std::string client_ip;
  bool explain = false;
  bool quiet = false;
};

absl::StatusOr<Secret> ReadKey(const VerifyOptions& options, CommandContext& context) {
  if (options.from != kStandardInput) return ReadSecretFile(options.from);
  if (context.options().key_file == kStandardInput) {
    return absl::InvalidArgumentError(
        "--key-file -: standard input is the key to check here; give that one with --from FILE");
  }
  const Console& console = context.console();
  if (!console.in_is_terminal) return ReadSecret(console.in_fd, "standard input");
  console.err << "Key to check (not shown): " << std::flush;
  absl::StatusOr<Secret> key = PromptSecret(console.in_fd, "the key");
  console.err << '\n';
  return key;
}

v1::VerifyRequest MakeRequest(const VerifyOptions& options, const Secret& key) {
  v1::VerifyRequest request;
  FillDigest(key.ExposeSecret(), *request.mutable_digest());
  request.set_project_id(options.project);
  FillStrings(options.scopes, *request.mutable_required_scopes());
  FillStrings(options.any_scopes, *request.mutable_any_scopes());
  request.set_client_ip(options.client_ip);
  request.set_explain(options.explain);
  return request;
}

// `VALID` or `DENIED INSUFFICIENT_SCOPE`.
std::string Verdict(const v1::VerifyResponse& response) {
  return response.valid() ? "VALID" : "DENIED " + EnumLabel(response.code());
}

FieldList GrantFields(const v1::Grant& grant, absl::Time now) {
  FieldList fields;
  fields.Add("key id", grant.key_id());
  fields.Add("project", grant.project_id());
  fields.Add("owner", grant.owner());
  fields.Add("environment", grant.environment() == v1::ENVIRONMENT_TEST ? "test" : "live");
  fields.Add("scopes", JoinOrNone(grant.scopes()));
  fields.Add("labels", JoinLabels(grant.labels()));
  fields.Add("addresses",
             grant.allowed_cidrs().empty() ? "any" : JoinOrNone(grant.allowed_cidrs()));
  fields.Add("expires", grant.has_expire_time() ? FormatMoment(grant.expire_time(), now) : "never");
  return fields;
}

ExitCode Show(const VerifyOptions& options, const v1::VerifyResponse& response,
              CommandContext& context) {
  const ExitCode code = response.valid() ? ExitCode::kOk : ExitCode::kDenied;
  if (context.json()) return Worse(code, context.PrintJson(response));
  if (options.quiet) return code;
  const std::string missing =
      response.missing_scopes().empty() ? "" : " missing " + JoinOrNone(response.missing_scopes());
  const Tone tone = response.valid() ? Tone::kGood : Tone::kBad;
  context.Print(Painted(Verdict(response), tone, context.console().color) +
                EscapeForTerminal(missing) + '\n');
  if (!response.explanation().empty()) {
    context.Print(EscapeForTerminal(response.explanation()) + '\n');
  }
  if (response.has_grant()) context.Print(GrantFields(response.grant(), context.Now()));
  return code;
}

ExitCode Verify(const VerifyOptions& options, CommandContext& context) {
  const absl::StatusOr<Secret> key = ReadKey(options, context);
  if (!key.ok()) return context.Fail(key.status());
  const absl::StatusOr<Connection*> connection = context.Connect();
  if (!connection.ok()) return context.Fail(connection.status());
  const v1::VerifyRequest request = MakeRequest(options, *key);
  v1::VerifyResponse response;
  const grpc::Status status = (*connection)->Call(Retry::kIfUnavailable, [&](auto* call) {
    return (*connection)->verifier().Verify(call, request, &response);
  });
  if (!status.ok()) return context.Fail(status);
  return Show(options, response, context);
}

}  // namespace

void AddVerify(CLI::App& parent, CommandSet& commands) {
  auto options = std::make_shared<VerifyOptions>();
  CLI::App& command = commands.Add(
      parent, "verify",
      "Check a key: exit code 0 when it is good, 1 when it is not.\n"
      "The key is read from standard input or a file, never from an argument, and its digest is\n"
      "all that is sent.",
      "  claviger verify -s invoices:read < customer.key\n"
      "  printf %s \"$KEY\" | claviger verify -p acme --client-ip 203.0.113.7 --explain");
  command
      .add_option("--from", options->from, "File with the key to check (default -: standard input)")
      ->type_name("FILE");
  command.add_option("-p,--project", options->project, "It must belong to this project")
      ->type_name("ID");
  AddRepeated(command, "-s,--scope", options->scopes, "It must cover all of these; may be repeated")
      .type_name("SCOPE");
  AddRepeated(command, "--any-scope", options->any_scopes,
              "It must cover one of these; may be repeated")
      .type_name("SCOPE");
  command.add_option("--client-ip", options->client_ip, "The address that used the key")
      ->type_name("IP");
  command.add_flag("--explain", options->explain, "Say why in a sentence");
  command.add_flag("-q,--quiet", options->quiet, "The exit code and nothing else");
  commands.OnRun(command, [options](CommandContext& context) { return Verify(*options, context); });
}

}  // namespace claviger::cli
