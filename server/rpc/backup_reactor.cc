#include "server/rpc/backup_reactor.h"

#include <list>
#include <memory>
#include <utility>

#include "server/rpc/answers.h"
#include "server/rpc/unary_call.h"
#include "server/rpc/wire.h"

namespace claviger {

BackupReactor::BackupReactor(const RpcMethod& method, BackupRunner& runner,
                             const grpc::CallbackServerContext& context)
    : WriteReactor(method, context), runner_(runner), id_(runner.NewId()) {}

absl::Status BackupReactor::Begin(const grpc::ByteBuffer& in) {
  v1::BackupRequest request;
  absl::Status admitted = Admit(method(), context(), in, PeerUse::kRecorded, caller(), request);
  if (!admitted.ok()) return admitted;
  return runner_.Begin(
      id_, std::static_pointer_cast<BackupReactor>(shared_from_this()),
      {.caller = *caller(), .still_allowed = [this] { return method().Recheck(*caller()); }});
}

void BackupReactor::SendHeader(const BackupHeader& header) {
  v1::BackupResponse message;
  v1::BackupHeader& out = *message.mutable_header();
  out.set_revision(header.head.revision.value);
  out.set_audit_hash(std::string(AsBytes(header.head.hash)));
  out.set_epoch(header.epoch.ToHex());
  out.set_schema_version(header.schema_version);
  out.set_size_bytes(header.TotalBytes());
  out.set_key_count(header.keys);
  out.mutable_keys_by_pepper()->insert(header.peppers.begin(), header.peppers.end());
  FillTime(header.create_time, *out.mutable_create_time());
  out.set_server_version(header.claviger_version);
  Send(message);
}

void BackupReactor::SendBytes(std::string bytes) {
  v1::BackupResponse message;
  message.set_chunk(std::move(bytes));
  Send(message);
}

void BackupReactor::Send(const v1::BackupResponse& message) {
  std::list<grpc::ByteBuffer> messages;
  // Fails for messages of 2 GiB only.
  static_cast<void>(SerializeAnswer(message, messages.emplace_back()));
  Write(std::move(messages));
}

}  // namespace claviger
