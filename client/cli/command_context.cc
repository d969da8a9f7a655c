#include "client/cli/command_context.h"

#include <utility>

#include "client/cli/connection_advice.h"
#include "client/cli/display_text.h"
#include "client/cli/durations.h"
#include "client/cli/json_output.h"
#include "client/cli/key_source.h"

namespace claviger::cli {

CommandContext::CommandContext(const GlobalOptions& options, Console& console,
                               EnvironmentLookup environment, const Clock& clock,
                               RandomSource& random)
    : options_(options),
      console_(console),
      environment_(std::move(environment)),
      clock_(clock),
      random_(random) {}

absl::StatusOr<std::unique_ptr<Connection>> CommandContext::Open() {
  const absl::StatusOr<absl::Duration> timeout = ParseDuration("--timeout", options_.timeout);
  if (!timeout.ok()) return timeout.status();
  absl::StatusOr<client::Endpoint> target = ParseServer(options_.server);
  if (!target.ok()) return target.status();
  const absl::StatusOr<Transport> transport = ChooseTransport(*target, options_.transport);
  if (!transport.ok()) return transport.status();
  absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> credentials =
      MakeCredentials(*transport, options_.transport);
  if (!credentials.ok()) return credentials.status();
  absl::StatusOr<ManagementKey> key = FindManagementKey(
      {.key_file = options_.key_file, .server_is_local = target->is_local, .in_fd = console_.in_fd},
      environment_);
  if (!key.ok()) return key.status();
  if (!key->warning.empty()) Note("warning: " + key->warning);
  return std::make_unique<Connection>(Connection::Options{.target = *std::move(target),
                                                          .transport = *transport,
                                                          .credentials = *std::move(credentials),
                                                          .key = std::move(key->key),
                                                          .key_file = std::move(key->file),
                                                          .timeout = *timeout},
                                      clock_, random_);
}

absl::StatusOr<Connection*> CommandContext::Connect() {
  if (connection_ == nullptr) {
    absl::StatusOr<std::unique_ptr<Connection>> connection = Open();
    if (!connection.ok()) return connection.status();
    connection_ = *std::move(connection);
  }
  return connection_.get();
}

ExitCode CommandContext::Fail(const grpc::Status& status, const FlagNames& flags) {
  console_.err << DescribeError(status, options_.server, flags);
  if (connection_ != nullptr && status.error_code() == grpc::StatusCode::UNAVAILABLE) {
    const std::string advice =
        ConnectionAdvice(status.error_message(), connection_->transport(), options_.transport);
    if (!advice.empty()) Note("  " + advice);
  }
  if (ReasonOf(status) == "CREDENTIAL_MISSING") {
    Note("  give a management key with --key-file, CLAVIGER_KEY_FILE or CLAVIGER_KEY");
  }
  return ExitCodeFor(status);
}

ExitCode CommandContext::Fail(const absl::Status& status) {
  console_.err << DescribeError(status);
  return ExitCodeFor(status);
}

void CommandContext::Note(std::string_view line) {
  console_.err << EscapeForTerminal(line) << '\n';
}

ExitCode CommandContext::PrintJson(const google::protobuf::Message& message) {
  const absl::StatusOr<std::string> json = ToJson(message);
  if (!json.ok()) return Fail(json.status());
  Print(*json);
  return ExitCode::kOk;
}

void CommandContext::Print(std::string_view text) { console_.out << text; }

void CommandContext::Print(const Table& table) {
  Print(table.Render(console_.table_width, console_.color));
}

void CommandContext::Print(const FieldList& fields) {
  Print(fields.Render(console_.width, console_.color));
}

}  // namespace claviger::cli
