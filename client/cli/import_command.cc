#include "client/cli/import_command.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "client/cli/display_text.h"
#include "client/cli/import_row.h"
#include "client/cli/import_source.h"
#include "client/cli/progress_line.h"
#include "client/cli/stop_signals.h"
#include "client/cli/unique_fd.h"
#include "core/status.h"

namespace claviger::cli {
namespace {

// What a call takes, with room for all else in it.
constexpr size_t kMaxBatchRows = 1000;
constexpr size_t kMaxBatchBytes = 900 << 10;
constexpr int64_t kShownRejections = 20;

struct ImportOptions {
  std::string file;
  std::string project;
  std::string format;
  std::string report;
  bool dry_run = false;
};

std::string CsvField(std::string_view text) {
  if (text.find_first_of("\",\r\n") == std::string_view::npos) return std::string(text);
  std::string quoted = "\"";
  for (const char c : text) quoted.append(c == '"' ? 2 : 1, c);
  return quoted + '"';
}

// A row that is not imported, and why.
struct Rejection {
  uint64_t row;
  uint64_t line;
  std::string reason;
  std::string message;
};

// Where rejected rows go: into the report, or, the first of them, to the terminal.
class Rejections {
 public:
  explicit Rejections(CommandContext& context) : context_(context) {}

  absl::Status OpenReport(const std::string& path) {
    report_.emplace(path, std::ios::binary | std::ios::trunc);
    *report_ << "row,line,reason,message\n" << std::flush;
    return *report_ ? absl::OkStatus()
                    : absl::ErrnoToStatus(errno, fmt::format("--report: cannot write {}", path));
  }

  void Add(const Rejection& rejection) {
    ++count_;
    const auto& [row, line, reason, message] = rejection;
    if (report_.has_value()) {
      *report_ << row << ',' << line << ',' << CsvField(reason) << ',' << CsvField(message) << '\n';
    } else if (count_ <= kShownRejections) {
      context_.Note(fmt::format("row {} (line {}): {} ({})", row, line, message, reason));
    } else if (count_ == kShownRejections + 1) {
      context_.Note("more rows were rejected; --report FILE has them all");
    }
  }

  int64_t count() const { return count_; }
  bool written() { return !report_.has_value() || static_cast<bool>(report_->flush()); }

 private:
  CommandContext& context_;
  std::optional<std::ofstream> report_;
  int64_t count_ = 0;
};

// One run over a file.
class Import {
 public:
  Import(const ImportOptions& options, CommandContext& context, Connection& connection,
         ByteSource& bytes, uint64_t file_bytes, const StopSignals& stop)
      : options_(options),
        context_(context),
        connection_(connection),
        bytes_(bytes),
        file_bytes_(file_bytes),
        stop_(stop),
        rejections_(context),
        progress_(context.console()) {
    request_.set_project_id(options.project);
    request_.set_validate_only(options.dry_run);
  }

  ExitCode Run(ImportSource& source) {
    if (!options_.report.empty()) {
      if (absl::Status s = rejections_.OpenReport(options_.report); !s.ok()) {
        return context_.Fail(s);
      }
    }
    const ExitCode ended = Work(source);
    progress_.Clear();
    Summarise();
    if (!rejections_.written()) {
      return Worse(ended, context_.Fail(absl::UnavailableError(
                              fmt::format("cannot write the report {}", options_.report))));
    }
    return rejections_.count() > 0 ? Worse(ended, ExitCode::kDenied) : ended;
  }

 private:
  struct Place {
    uint64_t row;
    uint64_t line;
  };

  ExitCode Work(ImportSource& source) {
    while (!stop_.stopped()) {
      absl::StatusOr<std::optional<ImportSourceRow>> next = source.Next();
      if (stop_.stopped()) break;
      if (!next.ok()) {
        // What was read before it is good.
        const ExitCode sent = Send();
        return sent == ExitCode::kOk ? StoppedBy(next.status()) : sent;
      }
      if (!next->has_value()) return Send();
      ++rows_;
      ImportSourceRow& row = **next;
      if (!row.key.ok()) {
        const ExitCode code =
            Reject({rows_, row.line, std::string(ReasonName(Reason::kFieldInvalid)),
                    std::string(row.key.status().message())});
        if (code != ExitCode::kOk) return code;
        continue;
      }
      if (const ExitCode code = Add({rows_, row.line}, *std::move(row.key));
          code != ExitCode::kOk) {
        return code;
      }
    }
    ReportRejected({});
    progress_.Clear();
    context_.Note(fmt::format(
        "stopped behind row {}; run it again to go on: nothing is imported twice", answered_));
    return ExitCode::kDenied;
  }

  ExitCode Add(Place place, v1::ImportedKey key) {
    const size_t bytes = key.ByteSizeLong() + 8;
    if (bytes > kMaxBatchBytes) {
      return Reject({place.row, place.line, std::string(ReasonName(Reason::kMessageTooLarge)),
                     "is larger than a call may be"});
    }
    const bool full = places_.size() == kMaxBatchRows || batch_bytes_ + bytes > kMaxBatchBytes;
    if (full) {
      if (const ExitCode code = Send(); code != ExitCode::kOk) return code;
    }
    *request_.add_keys() = std::move(key);
    places_.push_back(place);
    batch_bytes_ += bytes;
    return ExitCode::kOk;
  }

  // A row that the server does not get to see is reported behind those before it, which it may yet
  // reject. So that there are not too many to remember the server is asked now and then.
  ExitCode Reject(Rejection rejection) {
    rejected_here_.push_back(std::move(rejection));
    return rejected_here_.size() < kMaxBatchRows ? ExitCode::kOk : Send();
  }

  // Again where the server was not there: what the first attempt imported is found to be there.
  ExitCode Send() {
    if (places_.empty()) {
      ReportRejected({});
      return ExitCode::kOk;
    }
    v1::ImportKeysResponse response;
    const grpc::Status status =
        connection_.Call(Retry::kIfUnavailable, [&](grpc::ClientContext* call) {
          response.Clear();
          return connection_.keys().ImportKeys(call, request_, &response);
        });
    if (!status.ok()) {
      ReportRejected({});
      progress_.Clear();
      const ExitCode code = context_.Fail(status);
      context_.Note(fmt::format("stopped behind row {}", answered_));
      return code;
    }
    imported_ += response.imported_count();
    already_ += response.already_imported_count();
    std::vector<Rejection> rejected;
    for (int i = 0; i < response.results_size(); ++i) {
      const v1::ImportKeyResult& result = response.results(i);
      if (result.outcome() != v1::IMPORT_OUTCOME_REJECTED) continue;
      const Place& place = places_[static_cast<size_t>(i)];
      rejected.push_back({place.row, place.line, result.reason(), result.message()});
    }
    ReportRejected(std::move(rejected));
    answered_ = places_.back().row;
    request_.clear_keys();
    places_.clear();
    batch_bytes_ = 0;
    ShowProgress();
    return ExitCode::kOk;
  }

  // Those that the server rejected and those that it was not sent, in the order of their rows.
  void ReportRejected(std::vector<Rejection> by_server) {
    std::vector<Rejection> rejected;
    std::merge(by_server.begin(), by_server.end(), rejected_here_.begin(), rejected_here_.end(),
               std::back_inserter(rejected),
               [](const Rejection& a, const Rejection& b) { return a.row < b.row; });
    rejected_here_.clear();
    for (const Rejection& rejection : rejected) rejections_.Add(rejection);
  }

  ExitCode StoppedBy(const absl::Status& status) {
    progress_.Clear();
    const ExitCode code = context_.Fail(status);
    context_.Note(fmt::format("stopped behind row {}", rows_));
    return code;
  }

  void ShowProgress() {
    progress_.Show(bytes_.taken(), file_bytes_,
                   fmt::format("{} rows, {} rejected", answered_, rejections_.count()));
  }

  void Summarise() {
    if (context_.json()) {
      v1::ImportKeysResponse counts;
      counts.set_imported_count(imported_);
      counts.set_already_imported_count(already_);
      counts.set_rejected_count(rejections_.count());
      context_.PrintJson(counts);
      return;
    }
    context_.Print(fmt::format("{} {}, {} there before, {} rejected\n", imported_,
                               options_.dry_run ? "would be imported" : "imported", already_,
                               rejections_.count()));
  }

  const ImportOptions& options_;
  CommandContext& context_;
  Connection& connection_;
  ByteSource& bytes_;
  const uint64_t file_bytes_;  // 0: not known
  const StopSignals& stop_;
  Rejections rejections_;
  ProgressLine progress_;
  v1::ImportKeysRequest request_;
  std::vector<Place> places_;             // of its keys
  std::vector<Rejection> rejected_here_;  // and not reported yet
  size_t batch_bytes_ = 0;
  uint64_t rows_ = 0;      // read
  uint64_t answered_ = 0;  // the last one that the server has answered for
  int64_t imported_ = 0;
  int64_t already_ = 0;
};

bool IsJson(const ImportOptions& options) {
  if (!options.format.empty()) return options.format == "jsonl";
  return options.file.ends_with(".jsonl") || options.file.ends_with(".ndjson");
}

ExitCode RunImport(const ImportOptions& options, CommandContext& context) {
  // Before there is any other thread.
  const StopSignals stop;
  const bool from_input = options.file == "-";
  if (from_input && context.options().key_file == "-") {
    return context.Fail(absl::InvalidArgumentError(
        "--key-file -: standard input has the rows here; give the key with a file"));
  }
  const UniqueFd file(from_input ? -1 : open(options.file.c_str(), O_RDONLY | O_CLOEXEC));
  const int fd = from_input ? context.console().in_fd : file.get();
  if (fd < 0) {
    return context.Fail(absl::ErrnoToStatus(errno, fmt::format("cannot open {}", options.file)));
  }
  struct stat info {};
  const bool has_size = fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
  ByteSource bytes(fd, [&stop] { return stop.stopped(); });
  std::unique_ptr<ImportSource> source;
  if (IsJson(options)) {
    source = OpenJsonLines(bytes);
  } else {
    absl::StatusOr<std::unique_ptr<ImportSource>> csv = OpenCsv(bytes);
    if (!csv.ok()) return context.Fail(csv.status());
    source = *std::move(csv);
  }
  const absl::StatusOr<Connection*> connection = context.Connect();
  if (!connection.ok()) return context.Fail(connection.status());
  Import import(options, context, **connection, bytes,
                has_size ? static_cast<uint64_t>(info.st_size) : 0, stop);
  return import.Run(*source);
}

}  // namespace

void AddImport(CLI::App& parent, CommandSet& commands) {
  auto options = std::make_shared<ImportOptions>();
  CLI::App& command = commands.Add(
      parent, "import",
      "Bring in keys that were made elsewhere, by the SHA-256 or SHA-512 of their text.\n" +
          fmt::format("The file is CSV with a header row, or JSON lines, with the columns\n{}.\n",
                      fmt::join(ImportColumns(), " ")) +
          "name and one digest are needed. Run twice it imports nothing twice.",
      "  claviger import keys.csv -p acme --dry-run --report rejected.csv\n"
      "  claviger import keys.jsonl -p acme\n"
      "  printf 'sha256,name\\n%s,ci\\n' \"$(printf %s \"$OLD\" | sha256sum | cut -d' ' -f1)\" |\n"
      "    claviger import -p acme -");
  command.add_option("file", options->file, "CSV or, ending in .jsonl, JSON lines; - is input")
      ->required()
      ->type_name("FILE");
  command.add_option("-p,--project", options->project, "Project to import into")
      ->required()
      ->type_name("ID");
  command.add_option("--format", options->format, "Where the file's name does not say it")
      ->check(CLI::IsMember({"csv", "jsonl"}))
      ->type_name("FORMAT");
  command.add_option("--report", options->report, "Write the rejected rows to this file, as CSV")
      ->type_name("FILE");
  command.add_flag("--dry-run", options->dry_run, "Check everything, import nothing");
  commands.OnRun(command,
                 [options](CommandContext& context) { return RunImport(*options, context); });
}

}  // namespace claviger::cli
