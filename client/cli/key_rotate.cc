#include <fmt/format.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "client/cli/durations.h"
#include "client/cli/key_commands.h"
#include "client/cli/key_view.h"
#include "client/cli/new_key_output.h"
#include "client/cli/propagation_text.h"
#include "client/cli/time_text.h"
#include "core/status.h"

namespace claviger::cli {
namespace {

// How long the old key goes on working where nothing is said.
constexpr char kDefaultGrace[] = "7d";

struct RotateOptions {
  std::string id;
  std::string grace = kDefaultGrace;
  bool from_first_use = false;
  std::optional<std::string> ttl;
  std::optional<std::string> expires;
  uint64_t if_revision = 0;
  bool commit = false;
  NewKeyOptions output;
};

absl::Status FillGrace(const RotateOptions& options, v1::RotateKeyRequest& request) {
  if (options.from_first_use) request.set_grace_starts(v1::GRACE_START_FIRST_USE);
  if (options.grace == "0" || options.grace == "0s") return absl::OkStatus();
  const absl::StatusOr<absl::Duration> grace = ParseDuration("--grace", options.grace);
  if (!grace.ok()) {
    return InvalidField("--grace", "must be 0, or a duration such as 12h or 7d, at most 30d");
  }
  *request.mutable_grace_period() = ToProto(*grace);
  return absl::OkStatus();
}

absl::Status FillExpiration(const RotateOptions& options, v1::RotateKeyRequest& request) {
  if (options.ttl.has_value()) {
    const absl::StatusOr<absl::Duration> ttl = ParseDuration("--ttl", *options.ttl);
    if (!ttl.ok()) return ttl.status();
    *request.mutable_ttl() = ToProto(*ttl);
  }
  if (options.expires.has_value()) {
    const absl::StatusOr<absl::Time> time = ParseTime("--expires", *options.expires);
    if (!time.ok()) return time.status();
    *request.mutable_expire_time() = ToProto(*time);
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::RotateKeyRequest> MakeRequest(const RotateOptions& options,
                                                 CommandContext& context) {
  v1::RotateKeyRequest request;
  request.set_key_id(options.id);
  request.set_if_revision(options.if_revision);
  request.set_validate_only(options.output.dry_run);
  if (options.commit) request.set_propagation(v1::PROPAGATION_MODE_COMMIT);
  absl::Status status = FillGrace(options, request);
  if (status.ok()) status = FillExpiration(options, request);
  if (!status.ok()) return status;
  absl::StatusOr<std::string> request_id = RequestIdFor(options.output, context);
  if (!request_id.ok()) return request_id.status();
  request.set_request_id(*std::move(request_id));
  return request;
}

// The new key, and below it the old one's story.
FieldList Describe(const v1::RotateKeyResponse& response, absl::Time now) {
  FieldList fields = KeyFields(response.info(), now);
  if (response.has_replaced()) fields.Add("old key", RemainingLife(response.replaced(), now));
  if (response.has_propagation()) {
    fields.Add("shortened", DescribePropagation(response.propagation()));
  }
  return fields;
}

ExitCode RotateKey(const RotateOptions& options, CommandContext& context) {
  const absl::StatusOr<v1::RotateKeyRequest> request = MakeRequest(options, context);
  if (!request.ok()) return context.Fail(request.status());
  const absl::StatusOr<Connection*> connection = context.Connect();
  if (!connection.ok()) return context.Fail(connection.status());
  NewKeyOutput output(options.output, request->request_id(), context);
  if (const absl::Status opened = output.Open(); !opened.ok()) return context.Fail(opened);
  v1::RotateKeyResponse response;
  const grpc::Status status = (*connection)->Call(Retry::kIfUnavailable, [&](auto* call) {
    return (*connection)->keys().RotateKey(call, *request, &response);
  });
  if (!status.ok()) return output.Fail(status);
  const ExitCode code =
      output.Deliver(*response.mutable_key(), response, Describe(response, context.Now()));
  if (options.output.dry_run && !options.output.quiet) {
    context.Note("nothing was issued or changed (--dry-run)");
  }
  return Worse(code, ExitCodeFor(response.propagation()));
}

void AddOptions(CLI::App& command, RotateOptions& options) {
  command.add_option("id", options.id, "Id of the key to replace")->required()->type_name("ID");
  command
      .add_option("--grace", options.grace,
                  fmt::format("How long the old key goes on working, 0 to 30d (default {}); 0: it "
                              "is revoked at once",
                              kDefaultGrace))
      ->type_name("DURATION");
  command.add_flag("--from-first-use", options.from_first_use,
                   "Let the grace begin with the first use of the new key");
  CLI::Option* ttl =
      command
          .add_option("--ttl", options.ttl,
                      "How long the new key lives; else as long as the old one was issued for")
          ->type_name("DURATION");
  command.add_option("--expires", options.expires, "When the new key ends, RFC 3339 or a date")
      ->type_name("TIME")
      ->excludes(ttl);
  command.add_option("--if-revision", options.if_revision, "Only if the old key is at this one")
      ->type_name("N");
  command.add_flag("--commit", options.commit,
                   "Do not wait until every verifier knows the old key's new end");
  AddNewKeyOptions(command, options.output, "Check everything, issue and change nothing");
}

}  // namespace

void AddKeyRotate(CLI::App& parent, CommandSet& commands) {
  auto options = std::make_shared<RotateOptions>();
  CLI::App& command = commands.Add(
      parent, "rotate", "Issue a new key in the place of an old one; it is shown this once",
      "  claviger key rotate 00Yx3bTnQ5vLr8Wz\n"
      "  claviger key rotate 00Yx3bTnQ5vLr8Wz --grace 2d --from-first-use --key-out new.key\n"
      "  claviger key rotate 00Yx3bTnQ5vLr8Wz --grace 0 --ttl 90d");
  AddOptions(command, *options);
  commands.OnRun(command,
                 [options](CommandContext& context) { return RotateKey(*options, context); });
}

}  // namespace claviger::cli
