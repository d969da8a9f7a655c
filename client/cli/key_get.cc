#include <memory>
#include <string>

#include "client/cli/key_commands.h"
#include "client/cli/key_view.h"

namespace claviger::cli {
namespace {

ExitCode GetKey(const std::string& id, CommandContext& context) {
  const absl::StatusOr<Connection*> connection = context.Connect();
  if (!connection.ok()) return context.Fail(connection.status());
  v1::GetKeyRequest request;
  request.set_key_id(id);
  v1::GetKeyResponse response;
  const grpc::Status status = (*connection)->Call(Retry::kIfUnavailable, [&](auto* call) {
    return (*connection)->keys().GetKey(call, request, &response);
  });
  if (!status.ok()) return context.Fail(status);
  if (context.json()) return context.PrintJson(response);
  context.Print(KeyFields(response.info(), context.Now()));
  return ExitCode::kOk;
}

}  // namespace

void AddKeyGet(CLI::App& parent, CommandSet& commands) {
  auto id = std::make_shared<std::string>();
  CLI::App& command =
      commands.Add(parent, "get", "Show a key", "  claviger key get 00Yx3bTnQ5vLr8Wz");
  command.add_option("id", *id, "Key id (16 characters)")->required()->type_name("ID");
  commands.OnRun(command, [id](CommandContext& context) { return GetKey(*id, context); });
}

}  // namespace claviger::cli
