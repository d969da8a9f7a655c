#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>

#include "client/cli/audit_check.h"
#include "client/cli/audit_commands.h"
#include "client/cli/audit_reading.h"
#include "client/cli/json_output.h"
#include "core/audit_entry.h"

namespace claviger::cli {
namespace {

// Where an export goes: standard output, or a file that is there as a whole or not at all.
class ExportTarget {
 public:
  explicit ExportTarget(Console& console) : console_(console) {}
  ~ExportTarget() {
    if (file_ == nullptr) return;
    std::fclose(file_);
    unlink(partial_.c_str());
  }
  ExportTarget(const ExportTarget&) = delete;
  ExportTarget& operator=(const ExportTarget&) = delete;

  absl::Status Open(const std::string& path) {
    path_ = path;
    partial_ = path + ".partial";
    const int fd = open(partial_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) return absl::ErrnoToStatus(errno, fmt::format("--out: cannot make {}", partial_));
    file_ = fdopen(fd, "w");
    return absl::OkStatus();
  }

  // Whether it could be written.
  bool Write(std::string_view line) {
    if (file_ != nullptr) return std::fwrite(line.data(), 1, line.size(), file_) == line.size();
    return static_cast<bool>(console_.out << line);
  }

  absl::Status Finish() {
    if (file_ == nullptr) return absl::OkStatus();
    const bool written = std::fflush(file_) == 0 && fsync(fileno(file_)) == 0;
    if (written && std::rename(partial_.c_str(), path_.c_str()) == 0) {
      std::fclose(file_);
      file_ = nullptr;
      return absl::OkStatus();
    }
    return absl::ErrnoToStatus(errno, fmt::format("--out: cannot write {}", path_));
  }

 private:
  Console& console_;
  std::string path_;
  std::string partial_;
  std::FILE* file_ = nullptr;
};

ExitCode ExportAudit(const std::string& path, CommandContext& context) {
  const absl::StatusOr<Connection*> connection = context.Connect();
  if (!connection.ok()) return context.Fail(connection.status());
  ExportTarget target(context.console());
  if (!path.empty()) {
    if (const absl::Status s = target.Open(path); !s.ok()) return context.Fail(s);
  }
  v1::ListAuditEventsResponse head;
  absl::Status failure;
  uint64_t entries = 0;
  const auto write = [&](const v1::AuditEvent& event) {
    const absl::StatusOr<std::string> line = ToJsonLine(event);
    if (!line.ok()) {
      failure = line.status();
    } else if (!target.Write(*line)) {
      failure = absl::DataLossError("the export cannot be written");
    }
    ++entries;
    return failure.ok();
  };
  const grpc::Status status = ReadAuditLog(**connection, write, head);
  if (!status.ok()) return context.Fail(status);
  if (failure.ok() && !target.Write(AuditHeadLine(head))) {
    failure = absl::DataLossError("the export cannot be written");
  }
  if (failure.ok()) failure = target.Finish();
  if (!failure.ok()) return context.Fail(failure);
  if (head.head_revision() == 0) {
    context.Note(fmt::format(
        "{} entries of the projects that this caller is bound to; such an export cannot be "
        "verified",
        entries));
  } else {
    context.Note(
        fmt::format("{} entries; to find out later that nothing was cut off or replaced, "
                    "keep this elsewhere:",
                    entries));
    AuditHead end{.revision = {head.head_revision()}, .hash = {}};
    head.head_hash().copy(reinterpret_cast<char*>(end.hash.data()), end.hash.size());
    context.Note("head " + end.ToString());
  }
  return ExitCode::kOk;
}

}  // namespace

void AddAuditExport(CLI::App& parent, CommandSet& commands) {
  auto path = std::make_shared<std::string>();
  CLI::App& command =
      commands.Add(parent, "export",
                   "Write the whole audit log as JSON lines: an entry each, and last where it ends",
                   "  claviger audit export --out audit.jsonl\n"
                   "  claviger audit export | gzip > audit.jsonl.gz");
  command
      .add_option("--out", *path,
                  "To this file (mode 0600), which is replaced when all is written (default: "
                  "standard output)")
      ->type_name("FILE");
  commands.OnRun(command, [path](CommandContext& context) { return ExportAudit(*path, context); });
}

}  // namespace claviger::cli
