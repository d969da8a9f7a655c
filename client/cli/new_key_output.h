// What the commands that make a key share: their options, and the ways the key comes to the user.
#ifndef CLAVIGER_CLIENT_CLI_NEW_KEY_OUTPUT_H_
#define CLAVIGER_CLIENT_CLI_NEW_KEY_OUTPUT_H_

#include <google/protobuf/message.h>
#include <grpcpp/support/status.h>

#include <CLI/CLI.hpp>
#include <functional>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/cli/command_context.h"
#include "client/cli/new_secret_file.h"

namespace claviger::cli {

struct NewKeyOptions {
  std::string request_id;
  std::string key_out;
  bool dry_run = false;
  bool quiet = false;
};

// `--request-id`, `--key-out`, `--dry-run` (whose description is given) and `-q`.
void AddNewKeyOptions(CLI::App& command, NewKeyOptions& options, const std::string& dry_run);

// The request id that was given, or a new one.
absl::StatusOr<std::string> RequestIdFor(const NewKeyOptions& options, CommandContext& context);

// Brings a new key to where it was asked for.
//
//   NewKeyOutput output(options, request.request_id(), context);
//   if (absl::Status s = output.Open(); !s.ok()) return context.Fail(s);
//   const grpc::Status status = …;
//   if (!status.ok()) return output.Fail(status);
//   return output.Deliver(*response.mutable_key(), response, fields);
//
// Thread safety: none. Ownership: everything given to it outlives it.
class NewKeyOutput {
 public:
  NewKeyOutput(const NewKeyOptions& options, const std::string& request_id,
               CommandContext& context);

  // Makes the file, where one was asked for: before the call, so that no key is made that has no
  // place.
  absl::Status Open();
  // Reports that the call failed; where the key may have been made, says how to come by it.
  ExitCode Fail(const grpc::Status& status);
  // The key where it was asked for, everything about it elsewhere. `key` is a field of `response`:
  // with JSON output it stays there unless it went to a file. `described` is what a person reads.
  ExitCode Deliver(std::string& key, const google::protobuf::Message& response,
                   const FieldList& described);

 private:
  ExitCode Show(const Secret& key, std::string& key_field,
                const google::protobuf::Message& response, const FieldList& described);
  void NoteRequestId();

  const NewKeyOptions& options_;
  const std::string& request_id_;
  CommandContext& context_;
  std::optional<NewSecretFile> file_;
};

}  // namespace claviger::cli

#endif  // CLAVIGER_CLIENT_CLI_NEW_KEY_OUTPUT_H_
