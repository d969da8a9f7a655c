#include "client/cli/new_key_output.h"

#include <utility>

#include "client/cli/request_fields.h"
#include "core/secret.h"

namespace claviger::cli {

void AddNewKeyOptions(CLI::App& command, NewKeyOptions& options, const std::string& dry_run) {
  command
      .add_option("--request-id", options.request_id,
                  "Makes a repeated command give the same key; made by itself")
      ->type_name("UUID");
  command.add_option("--key-out", options.key_out, "Write the key to a new file, mode 0600")
      ->type_name("FILE");
  command.add_flag("--dry-run", options.dry_run, dry_run);
  command.add_flag("-q,--quiet", options.quiet, "The key and nothing else");
}

absl::StatusOr<std::string> RequestIdFor(const NewKeyOptions& options, CommandContext& context) {
  if (!options.request_id.empty()) return options.request_id;
  return NewRequestId(context.random());
}

NewKeyOutput::NewKeyOutput(const NewKeyOptions& options, const std::string& request_id,
                           CommandContext& context)
    : options_(options), request_id_(request_id), context_(context) {}

absl::Status NewKeyOutput::Open() {
  if (options_.key_out.empty() || options_.dry_run) return absl::OkStatus();
  absl::StatusOr<NewSecretFile> created = NewSecretFile::Create(options_.key_out);
  if (!created.ok()) return created.status();
  file_.emplace(*std::move(created));
  return absl::OkStatus();
}

ExitCode NewKeyOutput::Fail(const grpc::Status& status) {
  const ExitCode code = context_.Fail(status);
  if (code == ExitCode::kUnreachable) NoteRequestId();
  return code;
}

ExitCode NewKeyOutput::Deliver(std::string& key_field, const google::protobuf::Message& response,
                               const FieldList& described) {
  const Secret key(std::move(key_field));
  if (file_.has_value()) {
    if (const absl::Status written = file_->Write(key); !written.ok()) {
      const ExitCode code = context_.Fail(written);
      NoteRequestId();
      return code;
    }
  }
  const ExitCode code = Show(key, key_field, response, described);
  if (!context_.console().out) NoteRequestId();
  return code;
}

ExitCode NewKeyOutput::Show(const Secret& key, std::string& key_field,
                            const google::protobuf::Message& response, const FieldList& described) {
  Console& console = context_.console();
  if (context_.json()) {
    key_field = options_.key_out.empty() ? std::string(key.ExposeSecret()) : std::string();
    const ExitCode code = context_.PrintJson(response);
    CleanseString(key_field);
    return code;
  }
  if (options_.dry_run || !options_.key_out.empty()) {
    if (!options_.quiet) context_.Print(described);
    return ExitCode::kOk;
  }
  if (!options_.quiet) {
    console.err << described.Render(console.width, false)
                << "\nThis is the only time the key is shown. Store it now:\n"
                << std::flush;
  }
  console.out << key.ExposeSecret() << '\n' << std::flush;
  return ExitCode::kOk;
}

// How to come by a key that was made but did not arrive.
void NewKeyOutput::NoteRequestId() {
  context_.Note("  to get the same key and not a second one, repeat within 10 minutes with");
  context_.Note("  --request-id " + request_id_);
}

}  // namespace claviger::cli
