#include <memory>
#include <optional>
#include <string>

#include "client/cli/key_commands.h"
#include "client/cli/key_view.h"
#include "client/cli/secret_input.h"
#include "core/digest.h"
#include "core/key_format.h"

namespace claviger::cli {
namespace {

struct LookupOptions {
  std::string head;
  std::string from = "-";
};

absl::StatusOr<v1::LookupKeyRequest> MakeRequest(const LookupOptions& options,
                                                 CommandContext& context) {
  v1::LookupKeyRequest request;
  if (!options.head.empty()) {
    request.set_key_prefix(options.head);
    return request;
  }
  if (options.from == "-" && context.options().key_file == "-") {
    return absl::InvalidArgumentError(
        "--key-file -: standard input is the key to look up here; give that one with --from FILE");
  }
  Console& console = context.console();
  absl::StatusOr<Secret> key;
  if (options.from != "-") {
    key = ReadSecretFile(options.from);
  } else if (console.in_is_terminal) {
    console.err << "Key to look up (not shown): " << std::flush;
    key = PromptSecret(console.in_fd, "the key");
    console.err << '\n';
  } else {
    key = ReadSecret(console.in_fd, "standard input");
  }
  if (!key.ok()) return key.status();
  FillDigest(key->ExposeSecret(), *request.mutable_digest());
  return request;
}

ExitCode LookupKey(const LookupOptions& options, CommandContext& context) {
  const absl::StatusOr<v1::LookupKeyRequest> request = MakeRequest(options, context);
  if (!request.ok()) return context.Fail(request.status());
  const absl::StatusOr<Connection*> connection = context.Connect();
  if (!connection.ok()) return context.Fail(connection.status());
  v1::LookupKeyResponse response;
  const grpc::Status status = (*connection)->Call(Retry::kIfUnavailable, [&](auto* call) {
    return (*connection)->keys().LookupKey(call, *request, &response);
  });
  if (!status.ok()) return context.Fail(status);
  if (context.json()) return context.PrintJson(response);
  context.Print(KeyFields(response.info(), context.Now()));
  return ExitCode::kOk;
}

}  // namespace

void FillDigest(std::string_view text, v1::KeyDigest& digest) {
  digest.set_sha256(std::string(AsBytes(HashKey(text).bytes)));
  if (const std::optional<ParsedKey> parsed = ParseKey(text); parsed.has_value()) {
    digest.set_key_id(parsed->id.ToString());
  } else {
    // It may be one that was imported.
    digest.set_sha512(std::string(AsBytes(Sha512(text))));
  }
}

void AddKeyLookup(CLI::App& parent, CommandSet& commands) {
  auto options = std::make_shared<LookupOptions>();
  CLI::App& command = commands.Add(
      parent, "lookup",
      "Show which key a text is.\n"
      "The key is read from standard input or a file, never from an argument, and its digest is\n"
      "all that is sent. Its public head, which is no secret, may be an argument.",
      "  claviger key lookup < found.key\n"
      "  claviger key lookup clv_live_00Yx3bTnQ5vLr8Wz");
  CLI::Option* head =
      command.add_option("head", options->head, "Public head of a key, PREFIX_ENV_ID")
          ->type_name("HEAD");
  command.add_option("--from", options->from, "File with the key (default -: standard input)")
      ->type_name("FILE")
      ->excludes(head);
  commands.OnRun(command,
                 [options](CommandContext& context) { return LookupKey(*options, context); });
}

}  // namespace claviger::cli
