#include "client/cli/backup_command.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "client/cli/backup_view.h"
#include "client/cli/byte_text.h"
#include "client/cli/partial_file.h"
#include "client/cli/progress_line.h"
#include "client/cli/stop_signals.h"
#include "client/cli/stream_call.h"
#include "client/cli/time_text.h"
#include "client/cli/unique_fd.h"
#include "core/backup_decoder.h"

namespace claviger::cli {
namespace {

constexpr size_t kReadBytes = size_t{256} << 10;

struct BackupOptions {
  std::string file;
  std::string shown_file;
  bool force = false;
};

// Where a backup goes: standard output, or a file that is there as a whole or not at all.
class BackupTarget {
 public:
  explicit BackupTarget(Console& console) : console_(console) {}

  absl::Status Open(const std::string& path, bool overwrite) {
    if (path == "-") {
      if (!console_.out_is_terminal) return absl::OkStatus();
      return absl::InvalidArgumentError(
          "standard output is a terminal, and a backup is not for reading: give a file's name");
    }
    absl::StatusOr<PartialFile> file = PartialFile::Create(path, overwrite);
    if (!file.ok()) return file.status();
    file_.emplace(*std::move(file));
    return absl::OkStatus();
  }

  absl::Status Write(std::string_view bytes) {
    if (file_.has_value()) return file_->Write(bytes);
    console_.out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    return console_.out ? absl::OkStatus() : absl::DataLossError("cannot write to standard output");
  }

  absl::Status Finish() {
    if (file_.has_value()) return file_->Finish();
    console_.out.flush();
    return console_.out ? absl::OkStatus() : absl::DataLossError("cannot write to standard output");
  }

 private:
  Console& console_;
  std::optional<PartialFile> file_;
};

// One run. What comes is checked as it comes; the target is finished only when all is good.
class BackupRun {
 public:
  BackupRun(const BackupOptions& options, CommandContext& context, Connection& connection,
            StopSignals* stop)
      : options_(options),
        context_(context),
        connection_(connection),
        stop_(stop),
        target_(context.console()),
        progress_(context.console()) {}

  ExitCode Run() {
    if (absl::Status s = target_.Open(options_.file, options_.force); !s.ok()) {
      return context_.Fail(s);
    }
    const absl::Time began = context_.Now();
    const grpc::Status status = Receive();
    progress_.Clear();
    if (stop_ != nullptr && stop_->stopped()) {
      context_.Note(fmt::format("stopped behind {}; {}", FormatBytes(decoder_.taken()), Left()));
      return ExitCode::kDenied;
    }
    if (!failure_.ok()) return FailWith(failure_);
    if (!status.ok()) {
      const ExitCode code = context_.Fail(status);
      context_.Note("  " + Left());
      return code;
    }
    if (absl::Status s = decoder_.Finish(); !s.ok()) return FailWith(s);
    if (absl::Status s = target_.Finish(); !s.ok()) return FailWith(s);
    return Report(context_.Now() - began);
  }

 private:
  bool to_output() const { return options_.file == "-"; }

  grpc::Status Receive() {
    const auto call = std::make_shared<grpc::ClientContext>();
    connection_.AddKey(*call);
    if (stop_ != nullptr) stop_->OnStop([call] { call->TryCancel(); });
    std::optional<AnswerTimeout> timeout(std::in_place, connection_.timeout(), call);
    const auto stream = connection_.admin().Backup(call.get(), v1::BackupRequest());
    v1::BackupResponse message;
    while (stream->Read(&message)) {
      timeout.reset();
      heard_ = true;
      if (failure_ = Take(message); !failure_.ok()) call->TryCancel();
      timeout.emplace(connection_.timeout(), call);
    }
    const grpc::Status status = stream->Finish();
    if (stop_ != nullptr) stop_->OnStop({});
    if (status.error_code() != grpc::StatusCode::CANCELLED) return status;
    if (timeout->expired()) {
      return {grpc::StatusCode::DEADLINE_EXCEEDED,
              fmt::format("nothing{} came for {}", heard_ ? " more" : "",
                          FormatLength(connection_.timeout()))};
    }
    // What a server does to whoever takes nothing for a while.
    return {status.error_code(), "the server cut the backup off: it was taken too slowly"};
  }

  absl::Status Take(const v1::BackupResponse& message) {
    // Nothing that comes behind a failure is taken.
    if (!failure_.ok()) return failure_;
    if (message.has_header()) total_ = message.header().size_bytes();
    if (message.chunk().empty()) return absl::OkStatus();
    if (absl::Status s = decoder_.Add(message.chunk()); !s.ok()) return s;
    if (absl::Status s = target_.Write(message.chunk()); !s.ok()) return s;
    progress_.Show(
        decoder_.taken(), total_,
        total_ == 0 ? FormatBytes(decoder_.taken())
                    : fmt::format("{} of {}", FormatBytes(decoder_.taken()), FormatBytes(total_)));
    return absl::OkStatus();
  }

  std::string Left() const {
    return to_output() ? "what was written to standard output is no backup"
                       : "nothing was left behind: there is no backup";
  }

  ExitCode FailWith(const absl::Status& status) {
    const ExitCode code = context_.Fail(status);
    context_.Note("  " + Left());
    return code;
  }

  ExitCode Report(absl::Duration took) {
    const BackupHeader& header = *decoder_.header();
    const std::string took_text = fmt::format("took {}", FormatElapsed(took));
    if (to_output()) {
      context_.Note(fmt::format("backup of revision {} of epoch {}: {}, {}",
                                header.head.revision.value, header.epoch.ToHex(),
                                FormatBytes(header.TotalBytes()), took_text));
      return ExitCode::kOk;
    }
    if (context_.json()) return context_.PrintJson(ToProto(header));
    context_.Print(BackupFields(header, options_.file, context_.Now()));
    context_.Note(took_text + "; the pepper file is not in it: keep that apart");
    return ExitCode::kOk;
  }

  const BackupOptions& options_;
  CommandContext& context_;
  Connection& connection_;
  StopSignals* const stop_;  // null: signals end the process
  BackupTarget target_;
  ProgressLine progress_;
  BackupDecoder decoder_;
  absl::Status failure_;
  uint64_t total_ = 0;
  bool heard_ = false;
};

ExitCode RunBackup(const BackupOptions& options, CommandContext& context) {
  if (options.file.empty()) {
    return context.Fail(
        absl::InvalidArgumentError("FILE: is needed: where the backup goes; - is output"));
  }
  // Before there is any other thread. With standard output there is nothing to clear away, and
  // whoever does not read from it must not keep the process from being ended.
  std::optional<StopSignals> stop;
  if (options.file != "-") stop.emplace();
  const absl::StatusOr<Connection*> connection = context.Connect();
  if (!connection.ok()) return context.Fail(connection.status());
  return BackupRun(options, context, **connection, stop.has_value() ? &*stop : nullptr).Run();
}

// Reads all of `fd`; OK when it is a whole backup.
absl::Status ReadWhole(int fd, const std::string& file, uint64_t size, ProgressLine& progress,
                       BackupDecoder& decoder) {
  std::string buffer(kReadBytes, '\0');
  while (true) {
    const ssize_t count = read(fd, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return absl::ErrnoToStatus(errno, fmt::format("cannot read {}", file));
    if (count == 0) return decoder.Finish();
    const std::string_view bytes(buffer.data(), static_cast<size_t>(count));
    if (absl::Status s = decoder.Add(bytes); !s.ok()) return s;
    progress.Show(decoder.taken(), size, FormatBytes(decoder.taken()));
  }
}

ExitCode ShowBackup(const BackupOptions& options, CommandContext& context) {
  if (!options.file.empty()) {
    return context.Fail(absl::InvalidArgumentError("FILE: one at a time is shown"));
  }
  const std::string& file = options.shown_file;
  const bool from_input = file == "-";
  const UniqueFd opened(from_input ? -1 : open(file.c_str(), O_RDONLY | O_CLOEXEC));
  const int fd = from_input ? context.console().in_fd : opened.get();
  if (fd < 0) return context.Fail(absl::ErrnoToStatus(errno, fmt::format("cannot open {}", file)));
  struct stat info {};
  const bool has_size = fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
  ProgressLine progress(context.console());
  BackupDecoder decoder;
  const absl::Status whole =
      ReadWhole(fd, file, has_size ? static_cast<uint64_t>(info.st_size) : 0, progress, decoder);
  progress.Clear();
  if (!whole.ok()) {
    const absl::string_view why = whole.message();
    return context.Fail(absl::Status(
        whole.code(), fmt::format("{}: {}", file, std::string_view(why.data(), why.size()))));
  }
  if (context.json()) return context.PrintJson(ToProto(*decoder.header()));
  context.Print(BackupFields(*decoder.header(), file, context.Now()));
  context.Note("whole: all hashes are those of what it has");
  return ExitCode::kOk;
}

}  // namespace

void AddBackup(CLI::App& parent, CommandSet& commands) {
  auto options = std::make_shared<BackupOptions>();
  CLI::App& command = commands.Add(
      parent, "backup",
      "Copy everything that the server stores into a file, while it serves.\n"
      "FILE is there as a whole, checked, or not at all. Without the pepper file, which is not in "
      "it,\nno key of it verifies.",
      "  claviger backup /backup/claviger-$(date +%F)\n"
      "  claviger backup - | ssh vault 'cat > claviger.backup'\n"
      "  claviger backup show /backup/claviger-2030-01-31");
  command.add_option("file", options->file, "File to make, mode 0600; - is output")
      ->type_name("FILE");
  command.add_flag("--force", options->force, "Overwrite FILE where there is one");
  commands.OnRun(command,
                 [options](CommandContext& context) { return RunBackup(*options, context); });

  CLI::App& show = commands.Add(command, "show",
                                "Show what a backup has, and whether it is whole; asks no server",
                                "  claviger backup show claviger.backup\n"
                                "  ssh vault 'cat claviger.backup' | claviger backup show -");
  show.add_option("file", options->shown_file, "File with a backup; - is input")
      ->required()
      ->type_name("FILE");
  commands.OnRun(show,
                 [options](CommandContext& context) { return ShowBackup(*options, context); });
}

}  // namespace claviger::cli
