#include "tests/unit/server/transport/echo_server.h"

#include <utility>

#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/support/byte_buffer.h"
#include "gtest/gtest.h"
#include "server/transport/listen_socket.h"

namespace claviger {
namespace {

// Reads one message and sends it back.
class EchoReactor final : public grpc::ServerGenericBidiReactor {
 public:
  EchoReactor() { StartRead(&message_); }

  void OnReadDone(bool ok) override {
    if (!ok) return Finish(grpc::Status::CANCELLED);
    StartWriteAndFinish(&message_, grpc::WriteOptions(), grpc::Status::OK);
  }
  void OnDone() override { delete this; }

 private:
  grpc::ByteBuffer message_;
};

}  // namespace

EchoServer::EchoServer(const std::string& address,
                       std::shared_ptr<grpc::ServerCredentials> credentials,
                       const ServerLimits& limits, const ConnectionCaps& caps) {
  absl::StatusOr<ListenSocket> socket =
      ListenSocket::Open(*ListenAddress::Parse(address), limits.keepalive_timeout);
  EXPECT_TRUE(socket.ok()) << socket.status();
  if (!socket.ok()) return;
  grpc::ServerBuilder builder;
  auto to_grpc = builder.experimental().AddExternalConnectionAcceptor(
      grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD,
      std::move(credentials));
  builder.RegisterCallbackGenericService(this);
  ApplyLimits(limits, builder);
  server_ = builder.BuildAndStart();
  EXPECT_NE(server_, nullptr) << address;
  port_ = socket->address().port();
  acceptor_ = std::make_unique<ConnectionAcceptor>(*std::move(socket), std::move(to_grpc), caps,
                                                   marks_, metrics_);
}

EchoServer::~EchoServer() {
  if (acceptor_ != nullptr) acceptor_->Stop();
  if (server_ != nullptr) server_->Shutdown(std::chrono::system_clock::now());
}

grpc::ServerGenericBidiReactor* EchoServer::CreateReactor(
    grpc::GenericCallbackServerContext* context) {
  absl::MutexLock lock(&mutex_);
  last_peer_ = PeerOf(*context);
  return new EchoReactor();
}

absl::StatusOr<Peer> EchoServer::Call(const std::string& target,
                                      const std::shared_ptr<grpc::ChannelCredentials>& credentials,
                                      const std::string& message) {
  grpc::ChannelArguments arguments;
  arguments.SetSslTargetNameOverride("localhost");
  // Each call has a connection of its own.
  arguments.SetInt("grpc.use_local_subchannel_pool", 1);
  const auto channel = grpc::CreateCustomChannel(target, credentials, arguments);
  grpc::GenericStub stub(channel);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
  const grpc::Slice slice(message);
  const grpc::ByteBuffer request(&slice, 1);
  grpc::ByteBuffer response;
  grpc::Status status;
  absl::Notification done;
  stub.UnaryCall(&context, "/echo.Echo/Echo", {}, &request, &response, [&](grpc::Status result) {
    status = std::move(result);
    done.Notify();
  });
  done.WaitForNotification();
  if (!status.ok()) {
    return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
  }
  absl::MutexLock lock(&mutex_);
  return last_peer_;
}

}  // namespace claviger
