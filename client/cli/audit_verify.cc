#include <fmt/format.h>
#include <google/protobuf/struct.pb.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "client/cli/audit_check.h"
#include "client/cli/audit_commands.h"
#include "client/cli/audit_reading.h"
#include "client/cli/display_text.h"
#include "client/cli/json_output.h"

namespace claviger::cli {
namespace {

struct AuditVerifyOptions {
  std::string file;  // empty: ask the server; `-`: standard input
  std::optional<std::string> head;
};

// Calls `visit` with each line of a file, without its end.
absl::Status ReadLines(const std::string& file, int in_fd,
                       const std::function<void(const std::string&)>& visit) {
  std::FILE* in = file == "-" ? fdopen(dup(in_fd), "r") : std::fopen(file.c_str(), "re");
  if (in == nullptr) return absl::ErrnoToStatus(errno, fmt::format("cannot read {}", file));
  char* buffer = nullptr;
  size_t capacity = 0;
  errno = 0;
  for (ssize_t size = 0; (size = getline(&buffer, &capacity, in)) >= 0;) {
    std::string line(buffer, static_cast<size_t>(size));
    if (line.ends_with('\n')) line.pop_back();
    visit(line);
  }
  const bool failed = std::ferror(in) != 0;
  const int error = errno;
  std::free(buffer);
  std::fclose(in);
  return failed ? absl::ErrnoToStatus(error, fmt::format("cannot read {}", file))
                : absl::OkStatus();
}

ExitCode ReportVerdict(const AuditCheck::Verdict& verdict, CommandContext& context) {
  using Outcome = AuditCheck::Outcome;
  const ExitCode code = verdict.outcome == Outcome::kWhole    ? ExitCode::kOk
                        : verdict.outcome == Outcome::kBroken ? ExitCode::kDenied
                                                              : ExitCode::kUsage;
  if (context.json()) {
    google::protobuf::Struct json;
    auto& fields = *json.mutable_fields();
    fields["whole"].set_bool_value(verdict.outcome == Outcome::kWhole);
    fields["entries"].set_string_value(fmt::format("{}", verdict.entries));
    fields["what"].set_string_value(verdict.what);
    fields["head"].set_string_value(verdict.outcome == Outcome::kWhole ? verdict.head.ToString()
                                                                       : std::string());
    const absl::StatusOr<std::string> line = ToJsonLine(json);
    if (!line.ok()) return context.Fail(line.status());
    context.Print(*line);
    return code;
  }
  switch (verdict.outcome) {
    case Outcome::kWhole:
      context.Print(
          fmt::format("WHOLE: {} entries, none edited, missing or out of order\nhead {}\n",
                      verdict.entries, verdict.head.ToString()));
      break;
    case Outcome::kBroken:
      context.Print("BROKEN: " + EscapeForTerminal(verdict.what) + "\n");
      break;
    case Outcome::kNotCheckable:
      context.Print("NOT VERIFIED: " + EscapeForTerminal(verdict.what) + "\n");
      break;
  }
  return code;
}

ExitCode VerifyAudit(const AuditVerifyOptions& options, CommandContext& context) {
  std::optional<AuditHead> kept;
  // An empty one is a variable that was not set, not a wish to check less.
  if (options.head.has_value()) {
    kept = AuditHead::Parse(*options.head);
    if (!kept.has_value() || kept->revision.value == 0) {
      return context.Fail(absl::InvalidArgumentError(
          "--head: must be REVISION:HASH as `claviger audit export` and `verify` print it, the "
          "hash with 64 lower-case hexadecimal digits"));
    }
  }
  AuditCheck check(kept);
  if (!options.file.empty()) {
    const absl::Status read = ReadLines(options.file, context.console().in_fd,
                                        [&](const std::string& line) { check.AddLine(line); });
    if (!read.ok()) return context.Fail(read);
    return ReportVerdict(check.Finish(), context);
  }
  const absl::StatusOr<Connection*> connection = context.Connect();
  if (!connection.ok()) return context.Fail(connection.status());
  v1::ListAuditEventsResponse head;
  const grpc::Status status = ReadAuditLog(
      **connection,
      [&](const v1::AuditEvent& event) {
        check.AddEvent(event);
        return true;
      },
      head);
  if (!status.ok()) return context.Fail(status);
  check.SetHead(head);
  return ReportVerdict(check.Finish(), context);
}

}  // namespace

void AddAuditVerify(CLI::App& parent, CommandSet& commands) {
  auto options = std::make_shared<AuditVerifyOptions>();
  CLI::App& command = commands.Add(
      parent, "verify",
      "Find entries that were edited, are missing or out of order.\n"
      "An export needs no server for it. 0: the log is whole, 1: it is not, 2: it cannot be told.",
      "  claviger audit verify audit.jsonl --head 812:9f86d081884c7d65…\n"
      "  zcat audit.jsonl.gz | claviger audit verify -\n"
      "  claviger audit verify");
  command
      .add_option("file", options->file,
                  "An export, or - for standard input (default: the server's log)")
      ->type_name("FILE");
  command
      .add_option("--head", options->head,
                  "An end that the log had once, kept elsewhere: it must still be in it")
      ->type_name("HEAD");
  commands.OnRun(command,
                 [options](CommandContext& context) { return VerifyAudit(*options, context); });
}

}  // namespace claviger::cli
