#include "client/cli/scan_command.h"

#include <fmt/format.h>
#include <google/protobuf/struct.pb.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "client/cli/display_text.h"
#include "client/cli/enum_text.h"
#include "client/cli/error_text.h"
#include "client/cli/json_output.h"
#include "client/cli/key_finder.h"
#include "client/cli/key_view.h"
#include "client/cli/propagation_text.h"
#include "client/cli/scan_files.h"
#include "core/digest.h"
#include "core/key_format.h"
#include "core/secret.h"

namespace claviger::cli {
namespace {

struct ScanOptions {
  std::vector<std::string> paths;
  bool offline = false;
  bool revoke = false;
  bool yes = false;
  std::string note = "found by claviger scan";
};

// Whether a key verifies, or can be made to without anybody issuing anything.
bool IsOpen(const v1::Key& key) {
  return key.state() != v1::KEY_STATE_REVOKED && key.state() != v1::KEY_STATE_DELETED;
}

// `1 file`, `2 files`.
std::string Counted(uint64_t count, std::string_view what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

// One run over all files.
class Scan {
 public:
  Scan(const ScanOptions& options, CommandContext& context)
      : options_(options), context_(context) {}

  ExitCode Run() {
    for (const std::string& path : options_.paths) {
      const bool go_on = WalkFiles(
          path, [this](const std::string& file) { return ScanFile(file); },
          [this](const std::string& file, const std::string& why) { Skip(file, why); });
      if (!go_on) return failure_;
    }
    Summarise();
    if (open_.empty()) {
      const bool found = options_.offline && !seen_.empty();
      return Worse(found ? ExitCode::kFound : ExitCode::kOk, skipped_);
    }
    return options_.revoke ? Worse(RevokeOpen(), skipped_) : ExitCode::kFound;
  }

 private:
  // Null where no such key is known.
  using KnownKey = std::shared_ptr<const v1::Key>;

  bool ScanFile(const std::string& file) {
    ++files_;
    bool go_on = true;
    KeyFinder finder([&](const FoundKey& found) { go_on = go_on && OnFound(file, found); });
    const absl::Status read =
        ReadInPieces(file, context_.console().in_fd, [&](std::string_view piece) {
          finder.Feed(piece);
          return go_on;
        });
    if (!read.ok()) Skip(file, std::string(read.message()));
    if (go_on) finder.Finish();
    return go_on;
  }

  void Skip(const std::string& file, const std::string& why) {
    context_.Note(fmt::format("{}: not scanned: {}", file, why));
    skipped_ = ExitCode::kUsage;
  }

  // False: the server could not be asked; `failure_` says how to end.
  bool OnFound(const std::string& file, const FoundKey& found) {
    const KeyHash hash = HashKey(found.text);
    const auto [place, is_new] = seen_.try_emplace(hash.bytes);
    if (is_new && !options_.offline && !Ask(found.text, hash, place->second)) return false;
    if (is_new && place->second != nullptr && IsOpen(*place->second)) {
      open_.push_back(place->second);
    }
    ++places_;
    Show(file, found, place->second.get());
    return true;
  }

  bool Ask(std::string_view text, const KeyHash& hash, KnownKey& known) {
    const absl::StatusOr<Connection*> connection = context_.Connect();
    if (!connection.ok()) {
      failure_ = context_.Fail(connection.status());
      return false;
    }
    // By its digest: the key itself has been seen by too many.
    v1::LookupKeyRequest request;
    request.mutable_digest()->set_key_id(ParseKey(text)->id.ToString());
    request.mutable_digest()->set_sha256(std::string(AsBytes(hash.bytes)));
    v1::LookupKeyResponse response;
    const grpc::Status status = (*connection)->Call(Retry::kIfUnavailable, [&](auto* call) {
      return (*connection)->keys().LookupKey(call, request, &response);
    });
    if (status.error_code() == grpc::StatusCode::NOT_FOUND) return true;
    if (!status.ok()) {
      failure_ = context_.Fail(status);
      return false;
    }
    known = std::make_shared<const v1::Key>(std::move(*response.mutable_info()));
    return true;
  }

  void Show(const std::string& file, const FoundKey& found, const v1::Key* key) {
    const std::string masked = MaskKey(Secret::CopyOf(found.text));
    if (context_.json()) return ShowJson(file, found, masked, key);
    std::string verdict;
    if (options_.offline) {
      verdict = "well-formed; not looked up";
    } else if (key == nullptr) {
      verdict = "no key of this server that you may look up";
    } else {
      verdict = Painted(EnumLabel(key->state()), ToneOf(key->state()), context_.console().color) +
                EscapeForTerminal(fmt::format(
                    "  key {}, project {}{}", key->key_id(), key->project_id(),
                    key->owner().empty() ? "" : fmt::format(", owner {}", key->owner())));
    }
    context_.Print(fmt::format("{}:{}:{}: {}  {}\n", EscapeForTerminal(file), found.line,
                               found.column, masked, verdict));
  }

  void ShowJson(const std::string& file, const FoundKey& found, const std::string& masked,
                const v1::Key* key) {
    google::protobuf::Struct line;
    auto& fields = *line.mutable_fields();
    // Of another encoding it could not be JSON.
    fields["file"].set_string_value(EscapeForTerminal(file));
    fields["line"].set_number_value(static_cast<double>(found.line));
    fields["column"].set_number_value(static_cast<double>(found.column));
    fields["maskedKey"].set_string_value(masked);
    if (!options_.offline) fields["real"].set_bool_value(key != nullptr);
    if (key != nullptr) {
      fields["keyId"].set_string_value(key->key_id());
      fields["state"].set_string_value(EnumLabel(key->state()));
      fields["projectId"].set_string_value(key->project_id());
      fields["owner"].set_string_value(key->owner());
      fields["displayName"].set_string_value(key->display_name());
    }
    context_.Print(ToJsonLine(line).value_or("{}\n"));
  }

  void Summarise() {
    const std::string found =
        fmt::format("{}, {} in {}", Counted(files_, "file"), Counted(seen_.size(), "different key"),
                    Counted(places_, "place"));
    if (options_.offline) return context_.Note(found + "; not looked up");
    const auto real = std::count_if(seen_.begin(), seen_.end(),
                                    [](const auto& entry) { return entry.second != nullptr; });
    context_.Note(fmt::format("{}; {} real, {} not revoked", found, real, open_.size()));
  }

  ExitCode RevokeOpen() {
    if (!options_.yes && !Confirmed()) {
      context_.Note("nothing was revoked");
      return ExitCode::kFound;
    }
    ExitCode worst = ExitCode::kOk;
    for (const KnownKey& key : open_) worst = Worse(worst, Revoke(*key));
    return worst;
  }

  bool Confirmed() {
    Console& console = context_.console();
    console.out << std::flush;
    console.err << fmt::format(
                       "Revoke {} for good? [y/N] ",
                       open_.size() == 1 ? "this key" : fmt::format("{} keys", open_.size()))
                << std::flush;
    char answer = 'n';
    char rest = '\n';
    if (read(console.in_fd, &answer, 1) != 1) return false;
    if (answer != '\n') {
      while (read(console.in_fd, &rest, 1) == 1 && rest != '\n') continue;
    }
    return answer == 'y' || answer == 'Y';
  }

  ExitCode Revoke(const v1::Key& key) {
    const absl::StatusOr<Connection*> connection = context_.Connect();
    if (!connection.ok()) return context_.Fail(connection.status());
    v1::RevokeKeyRequest request;
    request.set_key_id(key.key_id());
    request.set_reason(v1::REVOKE_REASON_COMPROMISED);
    request.set_note(options_.note);
    v1::RevokeKeyResponse response;
    const grpc::Status status = (*connection)->Call(Retry::kNever, [&](auto* call) {
      return (*connection)->keys().RevokeKey(call, request, &response);
    });
    if (!status.ok()) {
      context_.Note(key.key_id() + ":");
      return context_.Fail(status);
    }
    if (context_.json()) {
      context_.Print(ToJsonLine(response).value_or("{}\n"));
    } else {
      context_.Print(fmt::format("{}  revoked; {}\n", key.key_id(),
                                 DescribePropagation(response.propagation())));
    }
    return ExitCodeFor(response.propagation());
  }

  const ScanOptions& options_;
  CommandContext& context_;
  absl::flat_hash_map<Sha256Bytes, KnownKey> seen_;
  std::vector<KnownKey> open_;  // in the order found
  size_t files_ = 0;
  size_t places_ = 0;
  ExitCode failure_ = ExitCode::kOk;
  ExitCode skipped_ = ExitCode::kOk;
};

ExitCode RunScan(const ScanOptions& options, CommandContext& context) {
  const bool reads_input =
      std::find(options.paths.begin(), options.paths.end(), "-") != options.paths.end();
  if (reads_input && context.options().key_file == "-") {
    return context.Fail(absl::InvalidArgumentError(
        "--key-file -: standard input is what is scanned here; give the key with a file"));
  }
  if (options.revoke && !options.yes && (reads_input || !context.console().in_is_terminal)) {
    return context.Fail(absl::InvalidArgumentError(
        "--revoke: there is nobody to ask; add --yes to revoke all that is found"));
  }
  return Scan(options, context).Run();
}

}  // namespace

void AddScan(CLI::App& parent, CommandSet& commands) {
  auto options = std::make_shared<ScanOptions>();
  CLI::App& command = commands.Add(
      parent, "scan",
      "Find keys in files and ask the server whether they are real.\n"
      "Only digests are sent, and only the first and last characters of a key are shown. Exit\n"
      "code 5 when a real key was found that is not revoked (with --offline: any key).",
      "  claviger scan .\n"
      "  journalctl -u orders | claviger scan -\n"
      "  git log -p | claviger scan --revoke --yes -");
  command.add_option("path", options->paths, "Files, folders with all below them, or - (input)")
      ->required()
      ->type_name("PATH");
  CLI::Option* offline = command.add_flag("--offline", options->offline,
                                          "Only find; ask no server whether they are real");
  command
      .add_flag("--revoke", options->revoke,
                "Revoke what is real and not revoked, as compromised; asks first")
      ->excludes(offline);
  command.add_flag("--yes", options->yes, "Revoke without asking");
  command.add_option("--note", options->note, "Kept with keys that are revoked");
  commands.OnRun(command,
                 [options](CommandContext& context) { return RunScan(*options, context); });
}

}  // namespace claviger::cli
