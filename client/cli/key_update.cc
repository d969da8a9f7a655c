#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "client/cli/durations.h"
#include "client/cli/key_commands.h"
#include "client/cli/key_view.h"
#include "client/cli/propagation_text.h"
#include "client/cli/request_fields.h"
#include "client/cli/time_text.h"
#include "core/status.h"

namespace claviger::cli {
namespace {

// Attributes that were named; the others stay as they are.
struct UpdateOptions {
  std::string id;
  std::optional<std::string> name;
  std::optional<std::string> description;
  std::optional<std::string> owner;
  std::vector<std::string> labels;
  std::vector<std::string> removed_labels;
  std::optional<std::string> metadata;
  std::vector<std::string> cidrs;
  bool any_address = false;
  std::optional<std::string> expires;
  uint64_t if_revision = 0;
  bool commit = false;
  bool dry_run = false;

  bool edits_labels() const { return !labels.empty() || !removed_labels.empty(); }
};

// A field of the mask, its name for people and its value for them.
struct Attribute {
  std::string_view path;
  std::string_view name;
  std::string (*text)(const v1::Key& key);
};

std::string ExpiryText(const v1::Key& key) {
  return key.has_expire_time() ? FormatRfc3339(FromProto(key.expire_time())) : "never";
}

constexpr std::array kAttributes = {
    Attribute{"display_name", "name", [](const v1::Key& key) { return key.display_name(); }},
    Attribute{"description", "description", [](const v1::Key& key) { return key.description(); }},
    Attribute{"owner", "owner", [](const v1::Key& key) { return key.owner(); }},
    Attribute{"labels", "labels", [](const v1::Key& key) { return JoinLabels(key.labels()); }},
    Attribute{"metadata", "metadata",
              [](const v1::Key& key) { return MetadataText(key.metadata()); }},
    Attribute{"allowed_cidrs", "addresses", AddressesText},
    Attribute{"expire_time", "expires", ExpiryText},
};

absl::Status FillExpiry(const UpdateOptions& options, absl::Time now, v1::Key& key) {
  if (*options.expires == "never") return absl::OkStatus();
  const absl::StatusOr<absl::Time> time =
      ParseTimeOrOffset("--expires", *options.expires, now, Direction::kFuture);
  if (!time.ok()) {
    return InvalidField("--expires",
                        fmt::format("{}, a duration such as 90d, or never", kTimeSyntax));
  }
  *key.mutable_expire_time() = ToProto(*time);
  return absl::OkStatus();
}

// All but the labels, which are edited and not replaced.
absl::StatusOr<v1::UpdateKeyRequest> MakeRequest(const UpdateOptions& options, absl::Time now) {
  v1::UpdateKeyRequest request;
  v1::Key& key = *request.mutable_key();
  google::protobuf::FieldMask& mask = *request.mutable_update_mask();
  key.set_key_id(options.id);
  request.set_if_revision(options.if_revision);
  request.set_validate_only(options.dry_run);
  if (options.commit) request.set_propagation(v1::PROPAGATION_MODE_COMMIT);
  if (options.name.has_value()) {
    key.set_display_name(*options.name);
    mask.add_paths("display_name");
  }
  if (options.description.has_value()) {
    key.set_description(*options.description);
    mask.add_paths("description");
  }
  if (options.owner.has_value()) {
    key.set_owner(*options.owner);
    mask.add_paths("owner");
  }
  if (options.metadata.has_value()) {
    const absl::Status filled =
        FillMetadata("--metadata", *options.metadata, *key.mutable_metadata());
    if (!filled.ok()) return filled;
    mask.add_paths("metadata");
  }
  if (!options.cidrs.empty() || options.any_address) {
    FillStrings(options.cidrs, *key.mutable_allowed_cidrs());
    mask.add_paths("allowed_cidrs");
  }
  if (options.expires.has_value()) {
    if (absl::Status filled = FillExpiry(options, now, key); !filled.ok()) return filled;
    mask.add_paths("expire_time");
  }
  return request;
}

// `before` with the labels that were named set or taken away. The request is tied to the revision
// that was read, so that nobody else's change in between is undone.
absl::Status EditLabels(const UpdateOptions& options, const v1::Key& before,
                        v1::UpdateKeyRequest& request) {
  google::protobuf::Map<std::string, std::string> set;
  if (absl::Status s = FillLabels("--label", options.labels, set); !s.ok()) return s;
  auto& labels = *request.mutable_key()->mutable_labels();
  labels = before.labels();
  for (const std::string& name : options.removed_labels) {
    if (set.contains(name)) {
      return InvalidField("--remove-label", fmt::format("takes {} away, which --label sets", name));
    }
    labels.erase(name);
  }
  for (const auto& [name, value] : set) labels[name] = value;
  request.mutable_update_mask()->add_paths("labels");
  if (request.if_revision() == 0) request.set_if_revision(before.revision());
  return absl::OkStatus();
}

// What became of each attribute that the mask names, as `billing → billing export`.
FieldList Changes(const v1::UpdateKeyRequest& request, const v1::Key* before,
                  const v1::UpdateKeyResponse& response) {
  FieldList fields;
  const auto& paths = request.update_mask().paths();
  const auto shown = [](std::string text) { return text.empty() ? std::string("none") : text; };
  for (const Attribute& attribute : kAttributes) {
    if (std::find(paths.begin(), paths.end(), attribute.path) == paths.end()) continue;
    const std::string new_text = shown(attribute.text(response.info()));
    const std::string old_text = before != nullptr ? shown(attribute.text(*before)) : new_text;
    fields.Add(attribute.name,
               old_text == new_text ? new_text : fmt::format("{} → {}", old_text, new_text));
  }
  if (response.has_propagation()) {
    fields.Add("narrowed", DescribePropagation(response.propagation()));
  }
  fields.Add("revision", fmt::format("{}", response.info().revision()));
  return fields;
}

// The key as it is; nullopt where the caller may not read it, which an update does not need unless
// it edits labels.
absl::StatusOr<std::optional<v1::Key>> ReadBefore(const UpdateOptions& options,
                                                  Connection& connection, grpc::Status& status) {
  v1::GetKeyRequest request;
  request.set_key_id(options.id);
  v1::GetKeyResponse response;
  status = connection.Call(Retry::kIfUnavailable, [&](auto* call) {
    return connection.keys().GetKey(call, request, &response);
  });
  if (status.ok()) return std::optional(std::move(*response.mutable_info()));
  if (status.error_code() == grpc::StatusCode::PERMISSION_DENIED && !options.edits_labels()) {
    return std::optional<v1::Key>();
  }
  return absl::FailedPreconditionError("the key could not be read");
}

// A key that was replaced and now lives longer than its rotation left it: nobody waits for its end
// any more, and whoever has it goes on.
void WarnOfLongerGrace(const v1::UpdateKeyRequest& request, const v1::Key& before,
                       const v1::Key& after, CommandContext& context) {
  if (before.rotated_to().empty() || !before.has_expire_time()) return;
  const absl::Time ended = FromProto(before.expire_time());
  if (after.has_expire_time() && FromProto(after.expire_time()) <= ended) return;
  const bool dry_run = request.validate_only();
  context.Note(
      fmt::format("warning: {} was replaced by {}, and was to end at {}: it {} {}", before.key_id(),
                  before.rotated_to(), FormatRfc3339(ended), dry_run ? "would go on" : "goes on",
                  after.has_expire_time() ? "until " + ExpiryText(after) : "without an end"));
  if (dry_run) return;
  context.Note(ended > context.Now()
                   ? fmt::format("  to undo: claviger key update {} --expires {}", before.key_id(),
                                 FormatRfc3339(ended))
                   : fmt::format("  to end it again: claviger key revoke {}", before.key_id()));
}

ExitCode UpdateKey(const UpdateOptions& options, CommandContext& context) {
  absl::StatusOr<v1::UpdateKeyRequest> request = MakeRequest(options, context.Now());
  if (!request.ok()) return context.Fail(request.status());
  if (request->update_mask().paths().empty() && !options.edits_labels()) {
    return context.Fail(
        absl::InvalidArgumentError("nothing to change: name at least one attribute"));
  }
  const absl::StatusOr<Connection*> connection = context.Connect();
  if (!connection.ok()) return context.Fail(connection.status());
  grpc::Status status;
  const absl::StatusOr<std::optional<v1::Key>> before = ReadBefore(options, **connection, status);
  if (!before.ok()) return context.Fail(status);
  if (options.edits_labels()) {
    if (absl::Status edited = EditLabels(options, **before, *request); !edited.ok()) {
      return context.Fail(edited);
    }
  }
  v1::UpdateKeyResponse response;
  status = (*connection)->Call(Retry::kNever, [&](auto* call) {
    return (*connection)->keys().UpdateKey(call, *request, &response);
  });
  if (!status.ok()) return context.Fail(status);
  if (before->has_value()) WarnOfLongerGrace(*request, **before, response.info(), context);
  const ExitCode reached = ExitCodeFor(response.propagation());
  if (context.json()) return Worse(context.PrintJson(response), reached);
  context.Print(Changes(*request, before->has_value() ? &**before : nullptr, response));
  if (options.dry_run) {
    context.Note("nothing was changed (--dry-run)");
  } else if (before->has_value() && (*before)->revision() == response.info().revision()) {
    context.Note("nothing was changed: it was so already");
  }
  return reached;
}

void AddOptions(CLI::App& command, UpdateOptions& options) {
  command.add_option("id", options.id, "Key id")->required()->type_name("ID");
  command.add_option("-n,--name", options.name, "What it is called, 1 to 128 characters");
  command.add_option("--description", options.description, "At most 1024 characters");
  command.add_option("--owner", options.owner, "Whom it acts for");
  AddRepeated(command, "-l,--label", options.labels, "Set this label; may be repeated")
      .type_name("KEY=VALUE");
  AddRepeated(command, "--remove-label", options.removed_labels,
              "Take this label away; may be repeated")
      .type_name("KEY");
  command.add_option("--metadata", options.metadata, "For verifiers, as a whole; {} takes it away")
      ->type_name("JSON|@FILE");
  CLI::Option& cidr = AddRepeated(command, "--cidr", options.cidrs,
                                  "From where it may be used, in the place of all before; may be "
                                  "repeated");
  cidr.type_name("CIDR");
  command.add_flag("--any-address", options.any_address, "Let it be used from everywhere")
      ->excludes(&cidr);
  command
      .add_option("--expires", options.expires,
                  "When it ends: RFC 3339, a date, from now on (90d), or never")
      ->type_name("TIME");
  command.add_option("--if-revision", options.if_revision, "Only if the key is at this revision")
      ->type_name("N");
  command.add_flag("--commit", options.commit, "Do not wait for verifiers when it narrows");
  command.add_flag("--dry-run", options.dry_run, "Check everything, change nothing");
}

}  // namespace

void AddKeyUpdate(CLI::App& parent, CommandSet& commands) {
  auto options = std::make_shared<UpdateOptions>();
  CLI::App& command =
      commands.Add(parent, "update", "Change a key's attributes: only what is named",
                   "  claviger key update 00Yx3bTnQ5vLr8Wz --name 'billing export' --owner alice\n"
                   "  claviger key update 00Yx3bTnQ5vLr8Wz -l team=payments --remove-label trial\n"
                   "  claviger key update 00Yx3bTnQ5vLr8Wz --cidr 10.0.0.0/8 --expires 90d\n"
                   "  claviger key update 00Yx3bTnQ5vLr8Wz --any-address --expires never");
  AddOptions(command, *options);
  commands.OnRun(command,
                 [options](CommandContext& context) { return UpdateKey(*options, context); });
}

}  // namespace claviger::cli
