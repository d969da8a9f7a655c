#include "client/cli/watch_command.h"

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "client/cli/request_fields.h"
#include "client/cli/retry.h"
#include "client/cli/stop_signals.h"
#include "client/cli/stream_call.h"
#include "client/cli/watch_feed.h"
#include "client/cli/watch_view.h"

namespace claviger::cli {
namespace {

absl::StatusOr<v1::SyncHello> MakeHello(const std::vector<std::string>& projects,
                                        RandomSource& random) {
  std::array<uint8_t, 16> session{};
  if (absl::Status s = random.Fill(session); !s.ok()) return s;
  v1::SyncHello hello;
  hello.set_session_id(session.data(), session.size());
  hello.set_client("claviger watch " CLAVIGER_VERSION);
  FillStrings(projects, *hello.mutable_project_ids());
  return hello;
}

// One run of the command.
class Watcher {
 public:
  // All outlive the watcher.
  Watcher(v1::SyncHello hello, StopSignals& stop, CommandContext& context, Connection& connection)
      : feed_(std::move(hello)), stop_(stop), context_(context), connection_(connection) {}

  // Follows the stream, over as many connections as it takes, until it is stopped.
  ExitCode Run() {
    for (absl::Duration delay = kFirstStreamDelay;;
         delay = std::min(2 * delay, kLongestStreamDelay)) {
      const grpc::Status status = Follow();
      if (stop_.stopped() || !context_.console().out) return ExitCode::kOk;
      if (!greeted_ || !StreamMayPass(status)) return context_.Fail(status);
      if (feed_.welcome().has_value()) {
        delay = kFirstStreamDelay;
      } else if (!std::exchange(said_outage_, true)) {
        context_.Note("not connected: " + status.error_message() + "; trying again");
      }
      const absl::Duration pause =
          come_back_.has_value() ? *come_back_ : Jittered(delay, context_.random());
      if (stop_.WaitFor(pause)) return ExitCode::kOk;
    }
  }

 private:
  // One connection, until it ends.
  grpc::Status Follow() {
    come_back_.reset();
    const auto call = std::make_shared<grpc::ClientContext>();
    connection_.AddKey(*call);
    stop_.OnStop([call] { call->TryCancel(); });
    AnswerTimeout timeout(connection_.timeout(), call);
    const auto stream = connection_.verifier().Sync(call.get());
    v1::SyncResponse message;
    bool open = stream->Write(feed_.Hello());
    while (open && stream->Read(&message)) {
      const absl::StatusOr<WatchFeed::Heard> heard = feed_.OnMessage(message);
      const absl::Status shown = heard.ok() ? Show(message, *heard) : heard.status();
      if (!shown.ok() || heard->come_back.has_value()) {
        call->TryCancel();
        const grpc::Status ended = stream->Finish();
        return shown.ok() ? ended
                          : grpc::Status(static_cast<grpc::StatusCode>(shown.code()),
                                         std::string(shown.message()));
      }
      if (message.has_welcome()) timeout.Answered();
      if (heard->answer.has_value()) open = stream->Write(*heard->answer);
    }
    const grpc::Status status = stream->Finish();
    const bool no_answer = status.error_code() == grpc::StatusCode::CANCELLED &&
                           !feed_.welcome().has_value() && !stop_.stopped();
    return no_answer ? grpc::Status(grpc::StatusCode::DEADLINE_EXCEEDED, "no answer in time")
                     : status;
  }

  // An error ends the connection: what was heard cannot be shown.
  absl::Status Show(const v1::SyncResponse& message, const WatchFeed::Heard& heard) {
    if (message.has_welcome()) Greet();
    come_back_ = heard.come_back;
    Console& console = context_.console();
    for (const WatchEvent& event : heard.events) {
      absl::StatusOr<std::string> line = context_.json()
                                             ? WatchJsonLine(event, context_.Now())
                                             : WatchLine(event, context_.Now(), console.color);
      if (!line.ok()) return line.status();
      context_.Print(*line);
    }
    // Whoever reads on wants each line when it happens.
    console.out.flush();
    return console.out ? absl::OkStatus() : absl::DataLossError("cannot write");
  }

  void Greet() {
    if (!std::exchange(greeted_, true)) {
      context_.Note(DescribeWelcome(*feed_.welcome(), feed_.position()));
      if (!context_.json()) context_.Print(WatchHeader());
    } else if (std::exchange(said_outage_, false)) {
      context_.Note("connected again");
    }
  }

  WatchFeed feed_;
  StopSignals& stop_;
  CommandContext& context_;
  Connection& connection_;
  std::optional<absl::Duration> come_back_;  // as the server asked when the connection ended
  bool greeted_ = false;
  bool said_outage_ = false;
};

ExitCode Watch(const std::vector<std::string>& projects, CommandContext& context) {
  const absl::StatusOr<v1::SyncHello> hello = MakeHello(projects, context.random());
  if (!hello.ok()) return context.Fail(hello.status());
  // Ahead of the connection, which starts threads.
  StopSignals stop;
  const absl::StatusOr<Connection*> connection = context.Connect();
  if (!connection.ok()) return context.Fail(connection.status());
  return Watcher(*hello, stop, context, **connection).Run();
}

}  // namespace

void AddWatch(CLI::App& parent, CommandSet& commands) {
  auto projects = std::make_shared<std::vector<std::string>>();
  CLI::App& command = commands.Add(
      parent, "watch",
      "Print what verifiers are told to forget, as it happens, until Ctrl-C.\n"
      "A line for each key, project or ALL; RESET where changes may have been missed. Goes on\n"
      "where it was when the connection was lost. No revoke ever waits for it.",
      "  claviger watch\n"
      "  claviger watch -p acme -o json | jq -r 'select(.what == \"KEY\").id'");
  AddRepeated(command, "-p,--project", *projects, "Only of this project; may be repeated")
      .type_name("ID");
  commands.OnRun(command,
                 [projects](CommandContext& context) { return Watch(*projects, context); });
}

}  // namespace claviger::cli
