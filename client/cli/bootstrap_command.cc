#include "client/cli/bootstrap_command.h"

#include <fmt/format.h>
#include <google/protobuf/struct.pb.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include "client/cli/key_view.h"
#include "client/cli/new_secret_file.h"
#include "client/cli/propagation_text.h"
#include "client/cli/request_fields.h"
#include "client/cli/time_text.h"
#include "core/key_format.h"
#include "core/key_record.h"

namespace claviger::cli {
namespace {

struct RotateOptions {
  std::string out;
  bool force = false;
};

// One run. Each step either brings the next or says what holds now; at every moment there is a file
// with a key that works.
class Rotation {
 public:
  Rotation(const RotateOptions& options, CommandContext& context, Connection& connection)
      : options_(options), context_(context), old_(connection) {}

  ExitCode Run() {
    if (const absl::Status status = ChooseFile(); !status.ok()) return context_.Fail(status);
    if (std::optional<ExitCode> failed = ReadOldKey()) return *failed;
    // Before anything is issued: a key that cannot be written down is lost.
    absl::StatusOr<NewSecretFile> file = NewSecretFile::Create(
        out_, {.flag = "--out", .overwrite = options_.force, .hint = "; --force overwrites it"});
    if (!file.ok()) return context_.Fail(file.status());
    if (std::optional<ExitCode> failed = Issue()) return *failed;
    if (const absl::Status written = file->Write(*new_key_); !written.ok()) {
      const ExitCode code = context_.Fail(written);
      return GiveUp(code);
    }
    if (std::optional<ExitCode> failed = Prove()) return *failed;
    if (std::optional<ExitCode> failed = RevokeOldKey()) return *failed;
    return Finish();
  }

 private:
  absl::Status ChooseFile() {
    if (!old_.key().has_value()) {
      return absl::InvalidArgumentError(
          "there is no key to replace: give the root key's file with --key-file");
    }
    const std::string& old_file = old_.key_file();
    if (!options_.out.empty()) {
      out_ = options_.out;
    } else if (!old_file.empty()) {
      out_ = old_file + ".new";
    } else {
      return absl::InvalidArgumentError(
          "--out: is needed where the key in use does not come from a file");
    }
    std::error_code none;
    if (!old_file.empty() && std::filesystem::equivalent(out_, old_file, none)) {
      return absl::InvalidArgumentError(
          "--out: must be another file than that of the key in use, which has to last until the "
          "new one is known to work");
    }
    return absl::OkStatus();
  }

  std::optional<ExitCode> ReadOldKey() {
    // Well-formed, or it would not have been taken for a key.
    old_id_ = ParseKey(old_.key()->ExposeSecret())->id.ToString();
    v1::GetKeyRequest request;
    request.set_key_id(old_id_);
    v1::GetKeyResponse response;
    const grpc::Status status = old_.Call(Retry::kIfUnavailable, [&](auto* call) {
      return old_.keys().GetKey(call, request, &response);
    });
    if (status.error_code() == grpc::StatusCode::NOT_FOUND) return FailOutOfSight();
    if (!status.ok()) return FailUnchanged(status);
    old_info_ = response.info();
    if (old_info_.project_id() == kManagementProject) return std::nullopt;
    return context_.Fail(absl::InvalidArgumentError(fmt::format(
        "key {} is of project {}, and no management key", old_id_, old_info_.project_id())));
  }

  std::optional<ExitCode> Issue() {
    v1::IssueKeyRequest request;
    request.set_project_id(old_info_.project_id());
    request.set_display_name(old_info_.display_name());
    request.set_description(fmt::format("In the place of {}.", old_id_));
    request.set_environment(old_info_.environment());
    *request.mutable_scopes() = old_info_.scopes();
    *request.mutable_bound_project_ids() = old_info_.bound_project_ids();
    *request.mutable_allowed_cidrs() = old_info_.allowed_cidrs();
    request.set_owner(old_info_.owner());
    *request.mutable_labels() = old_info_.labels();
    if (old_info_.has_metadata()) *request.mutable_metadata() = old_info_.metadata();
    if (old_info_.has_expire_time()) {
      *request.mutable_ttl() =
          ToProto(FromProto(old_info_.expire_time()) - FromProto(old_info_.create_time()));
    }
    absl::StatusOr<std::string> request_id = NewRequestId(context_.random());
    if (!request_id.ok()) return context_.Fail(request_id.status());
    request.set_request_id(*std::move(request_id));
    v1::IssueKeyResponse response;
    const grpc::Status status = old_.Call(Retry::kIfUnavailable, [&](auto* call) {
      return old_.keys().IssueKey(call, request, &response);
    });
    if (!status.ok()) {
      const ExitCode code = FailUnchanged(status);
      if (code == ExitCode::kUnreachable) {
        context_.Note(
            fmt::format("  a key may have been issued that nobody has: the newest named '{}' in\n"
                        "  claviger key list -p claviger",
                        old_info_.display_name()));
      }
      return code;
    }
    new_key_.emplace(std::move(*response.mutable_key()));
    new_info_ = response.info();
    return std::nullopt;
  }

  // The new key is nowhere: takes it back.
  ExitCode GiveUp(ExitCode code) {
    const grpc::Status status = Revoke(old_, new_info_.key_id(), "was not written down");
    if (!status.ok()) {
      context_.Fail(status);
      context_.Note(
          fmt::format("  the new key {} is in no file and could not be revoked: revoke it",
                      new_info_.key_id()));
    }
    context_.Note("  the old key works as before");
    return code;
  }

  std::optional<ExitCode> Prove() {
    new_ = old_.WithKey(new_key_->Clone(), out_);
    v1::GetKeyRequest request;
    request.set_key_id(new_info_.key_id());
    v1::GetKeyResponse response;
    const grpc::Status status = new_->Call(Retry::kIfUnavailable, [&](auto* call) {
      return new_->keys().GetKey(call, request, &response);
    });
    if (status.ok()) return std::nullopt;
    const ExitCode code = context_.Fail(status);
    context_.Note(
        fmt::format("  the new key {} is in {}, but the server did not confirm that it works;\n"
                    "  the old key was not revoked, and works as before",
                    new_info_.key_id(), out_));
    return code;
  }

  std::optional<ExitCode> RevokeOldKey() {
    const std::string note = fmt::format("replaced by {}", new_info_.key_id());
    grpc::Status status = Revoke(*new_, old_id_, note);
    if (status.error_code() == grpc::StatusCode::PERMISSION_DENIED) {
      // Every key may revoke itself, and the new one is known to work.
      status = Revoke(old_, old_id_, note);
    }
    if (status.ok()) return std::nullopt;
    const ExitCode code = context_.Fail(status);
    context_.Note(
        fmt::format("  the new key {} works and is in {}; the old key {} is not known to be\n"
                    "  revoked. Revoke it with: claviger --key-file {} key revoke {}",
                    new_info_.key_id(), out_, old_id_, out_, old_id_));
    return code;
  }

  // Strictly.
  grpc::Status Revoke(Connection& connection, const std::string& id, const std::string& note) {
    v1::RevokeKeyRequest request;
    request.set_key_id(id);
    request.set_reason(v1::REVOKE_REASON_SUPERSEDED);
    request.set_note(note);
    return connection.Call(Retry::kIfUnavailable, [&](auto* call) {
      return connection.keys().RevokeKey(call, request, &revoked_);
    });
  }

  ExitCode Finish() {
    ExitCode code = ExitCodeFor(revoked_.propagation());
    std::string removed;
    if (!old_.key_file().empty()) {
      if (unlink(old_.key_file().c_str()) == 0) {
        removed = old_.key_file();
      } else {
        context_.Note(fmt::format("{} holds the revoked key and cannot be removed: {}",
                                  old_.key_file(), std::strerror(errno)));
        code = Worse(code, ExitCode::kDenied);
      }
    }
    if (context_.json()) return Worse(code, PrintJson(removed));
    context_.Print(KeyFields(new_info_, context_.Now()));
    context_.Print(fmt::format("new key in {}\nold key {} revoked; {}\n", out_, old_id_,
                               DescribePropagation(revoked_.propagation())));
    if (!removed.empty()) context_.Print(fmt::format("removed {}\n", removed));
    return code;
  }

  ExitCode PrintJson(const std::string& removed) {
    google::protobuf::Struct json;
    auto& fields = *json.mutable_fields();
    fields["keyId"].set_string_value(new_info_.key_id());
    fields["keyFile"].set_string_value(out_);
    fields["revokedKeyId"].set_string_value(old_id_);
    fields["outcome"].set_string_value(
        v1::PropagationOutcome_Name(revoked_.propagation().outcome()));
    if (!removed.empty()) fields["removedFile"].set_string_value(removed);
    return context_.PrintJson(json);
  }

  // The server took the key for good: what is not there for it is its own project.
  ExitCode FailOutOfSight() {
    context_.Note(fmt::format(
        "claviger: key {} is bound to projects that project {} is not among, so that it may not\n"
        "read and issue management keys: replace it with a key that has the permissions keys.read\n"
        "and keys.issue there (PERMISSION_DENIED)",
        old_id_, kManagementProject));
    context_.Note("  nothing was revoked: the old key is as it was");
    return ExitCode::kDenied;
  }

  ExitCode FailUnchanged(const grpc::Status& status) {
    const ExitCode code = context_.Fail(status);
    context_.Note("  nothing was revoked: the old key is as it was");
    return code;
  }

  const RotateOptions& options_;
  CommandContext& context_;
  Connection& old_;
  std::string out_;
  std::string old_id_;
  v1::Key old_info_;
  v1::Key new_info_;
  std::optional<Secret> new_key_;
  std::unique_ptr<Connection> new_;
  v1::RevokeKeyResponse revoked_;
};

ExitCode Rotate(const RotateOptions& options, CommandContext& context) {
  const absl::StatusOr<Connection*> connection = context.Connect();
  if (!connection.ok()) return context.Fail(connection.status());
  return Rotation(options, context, **connection).Run();
}

}  // namespace

void AddBootstrap(CLI::App& parent, CommandSet& commands) {
  CLI::App& group = commands.AddGroup(parent, "bootstrap", "The root key of the first start");
  auto options = std::make_shared<RotateOptions>();
  CLI::App& command = commands.Add(
      group, "rotate",
      "Replace the key in use, the root key for instance: issue one that may do the same, write "
      "it\n"
      "to a file, see that it works, revoke the old one with it and remove the old one's file.\n"
      "Whatever fails, a key that works is left, and is named.",
      "  claviger bootstrap rotate --key-file data/root.key --out /media/safe/root.key");
  command
      .add_option("--out", options->out,
                  "File for the new key, mode 0600 (default: the old one's name and .new)")
      ->type_name("FILE");
  command.add_flag("--force", options->force, "Overwrite FILE where there is one");
  commands.OnRun(command, [options](CommandContext& context) { return Rotate(*options, context); });
}

}  // namespace claviger::cli
