// What a command works with: its connection, its streams, and the ways to report.
#ifndef CLAVIGER_CLIENT_CLI_COMMAND_CONTEXT_H_
#define CLAVIGER_CLIENT_CLI_COMMAND_CONTEXT_H_

#include <google/protobuf/message.h>

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "client/cli/connection.h"
#include "client/cli/console.h"
#include "client/cli/error_text.h"
#include "client/cli/exit_code.h"
#include "client/cli/global_options.h"
#include "client/cli/table.h"
#include "core/clock.h"
#include "core/random.h"

namespace claviger::cli {

// Thread safety: none. Ownership: everything given to it outlives it.
class CommandContext {
 public:
  CommandContext(const GlobalOptions& options, Console& console, EnvironmentLookup environment,
                 const Clock& clock, RandomSource& random);

  // The connection; the first call finds key and credentials and opens it. Sends nothing.
  // INVALID_ARGUMENT and the like when an option or a file of them is wrong.
  absl::StatusOr<Connection*> Connect();

  const GlobalOptions& options() const { return options_; }
  Console& console() { return console_; }
  RandomSource& random() { return random_; }
  absl::Time Now() const { return clock_.Now(); }
  bool json() const { return options_.output == "json"; }

  // Reports an error on `err`; returns the exit code that stands for it. `flags`: see
  // DescribeError.
  ExitCode Fail(const grpc::Status& status, const FlagNames& flags = {});
  ExitCode Fail(const absl::Status& status);
  // A line for a person, on `err`. Escaped.
  void Note(std::string_view line);

  // Results, on `out`.
  ExitCode PrintJson(const google::protobuf::Message& message);
  void Print(std::string_view text);
  void Print(const Table& table);
  void Print(const FieldList& fields);

 private:
  absl::StatusOr<std::unique_ptr<Connection>> Open();

  const GlobalOptions& options_;
  Console& console_;
  const EnvironmentLookup environment_;
  const Clock& clock_;
  RandomSource& random_;
  std::unique_ptr<Connection> connection_;
};

}  // namespace claviger::cli

#endif  // CLAVIGER_CLIENT_CLI_COMMAND_CONTEXT_H_
