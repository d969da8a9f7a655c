#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "client/cli/audit_commands.h"
#include "client/cli/audit_filter.h"
#include "client/cli/audit_view.h"
#include "client/cli/json_output.h"
#include "client/cli/retry.h"
#include "client/cli/stop_signals.h"
#include "client/cli/stream_call.h"

namespace claviger::cli {
namespace {

struct AuditTailOptions {
  AuditFilterOptions filter;
  std::optional<uint64_t> after;
};

// One run of the command.
class AuditFollower {
 public:
  // All outlive the follower.
  AuditFollower(v1::WatchAuditEventsRequest request, StopSignals& stop, CommandContext& context,
                Connection& connection)
      : request_(std::move(request)), stop_(stop), context_(context), connection_(connection) {}

  // Follows the log, over as many connections as it takes, until it is stopped.
  ExitCode Run() {
    for (absl::Duration delay = kFirstStreamDelay;;
         delay = std::min(2 * delay, kLongestStreamDelay)) {
      const grpc::Status status = Follow();
      if (stop_.stopped() || !context_.console().out) return ExitCode::kOk;
      if (!greeted_ || !StreamMayPass(status)) return context_.Fail(status);
      if (answered_) {
        delay = kFirstStreamDelay;
      } else if (!std::exchange(said_outage_, true)) {
        context_.Note("not connected: " + status.error_message() + "; trying again");
      }
      if (stop_.WaitFor(Jittered(delay, context_.random()))) return ExitCode::kOk;
    }
  }

 private:
  // One connection, until it ends.
  grpc::Status Follow() {
    answered_ = false;
    const auto call = std::make_shared<grpc::ClientContext>();
    connection_.AddKey(*call);
    stop_.OnStop([call] { call->TryCancel(); });
    AnswerTimeout timeout(connection_.timeout(), call);
    const auto stream = connection_.audit().WatchAuditEvents(call.get(), request_);
    v1::WatchAuditEventsResponse message;
    while (stream->Read(&message)) {
      if (!std::exchange(answered_, true)) {
        timeout.Answered();
        Greet(message.position());
      }
      if (const absl::Status shown = Show(message); !shown.ok()) {
        call->TryCancel();
        stream->Finish().error_code();
        return {static_cast<grpc::StatusCode>(shown.code()), std::string(shown.message())};
      }
      request_.set_from_now(false);
      request_.set_after_revision(message.position());
    }
    const grpc::Status status = stream->Finish();
    const bool no_answer =
        status.error_code() == grpc::StatusCode::CANCELLED && !answered_ && !stop_.stopped();
    return no_answer ? grpc::Status(grpc::StatusCode::DEADLINE_EXCEEDED, "no answer in time")
                     : status;
  }

  void Greet(uint64_t position) {
    if (!std::exchange(greeted_, true)) {
      context_.Note(fmt::format("following the audit log behind revision {}", position));
      if (!context_.json()) context_.Print(AuditLineHeader());
    } else if (std::exchange(said_outage_, false)) {
      context_.Note("connected again");
    }
  }

  // An error ends the command: what was heard cannot be shown.
  absl::Status Show(const v1::WatchAuditEventsResponse& message) {
    Console& console = context_.console();
    if (message.has_event()) {
      absl::StatusOr<std::string> line =
          context_.json() ? ToJsonLine(message.event()) : AuditLine(message.event(), console.color);
      if (!line.ok()) return line.status();
      context_.Print(*line);
    }
    // Whoever reads on wants each line when it happens.
    console.out.flush();
    return console.out ? absl::OkStatus() : absl::DataLossError("cannot write");
  }

  v1::WatchAuditEventsRequest request_;  // goes on where the last connection ended
  StopSignals& stop_;
  CommandContext& context_;
  Connection& connection_;
  bool answered_ = false;  // by this connection
  bool greeted_ = false;
  bool said_outage_ = false;
};

ExitCode TailAudit(const AuditTailOptions& options, CommandContext& context) {
  v1::WatchAuditEventsRequest request;
  const absl::Status filled =
      FillAuditFilter(options.filter, context.Now(), *request.mutable_filter());
  if (!filled.ok()) return context.Fail(filled);
  request.set_from_now(!options.after.has_value());
  request.set_after_revision(options.after.value_or(0));
  // Ahead of the connection, which starts threads.
  StopSignals stop;
  const absl::StatusOr<Connection*> connection = context.Connect();
  if (!connection.ok()) return context.Fail(connection.status());
  return AuditFollower(request, stop, context, **connection).Run();
}

}  // namespace

void AddAuditTail(CLI::App& parent, CommandSet& commands) {
  auto options = std::make_shared<AuditTailOptions>();
  CLI::App& command =
      commands.Add(parent, "tail",
                   "Print entries of the audit log as they are made, until Ctrl-C.\n"
                   "Goes on where it was when the connection was lost.",
                   "  claviger audit tail\n"
                   "  claviger audit tail --refused -o json | jq -r .peer\n"
                   "  claviger audit tail --after 0 -p acme");
  AddAuditFilter(command, options->filter, /*with_times=*/false);
  command
      .add_option("--after", options->after,
                  "Begin behind this revision; 0: with the first entry (default: from now on)")
      ->type_name("REVISION");
  commands.OnRun(command,
                 [options](CommandContext& context) { return TailAudit(*options, context); });
}

}  // namespace claviger::cli
