// A gRPC server whose callback handlers wait for the authority, and its callers, all at once.
//
//   waiting_handlers ENDPOINT MANAGEMENT_KEY_FILE < keys
//
// gRPC has few threads for callbacks: handlers that hold all of them while they wait must not keep
// the client from getting its answers. Prints how many of the keys were let in.

#include <claviger/client.h>
#include <claviger/guard.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server_builder.h>

#include <atomic>
#include <cstdlib>
#include <future>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

class Answer final : public grpc::ServerGenericBidiReactor {
 public:
  explicit Answer(const grpc::Status& status) {
    status.ok() ? StartWriteAndFinish(&message_, grpc::WriteOptions(), status) : Finish(status);
  }
  void OnDone() override { delete this; }

 private:
  const grpc::Slice empty_;
  const grpc::ByteBuffer message_{&empty_, 1};
};

class Service final : public grpc::CallbackGenericService {
 public:
  explicit Service(const claviger::Guard& guard) : guard_(guard) {}

  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override {
    return new Answer(guard_.Check(*context).status());
  }

 private:
  const claviger::Guard& guard_;
};

bool IsLetIn(grpc::GenericStub& stub, const std::string& key) {
  grpc::ClientContext context;
  context.AddMetadata("x-api-key", key);
  const grpc::Slice empty;
  const grpc::ByteBuffer request(&empty, 1);
  grpc::ByteBuffer response;
  std::promise<grpc::Status> status;
  stub.UnaryCall(&context, "/shop.Orders/Get", grpc::StubOptions(), &request, &response,
                 [&status](grpc::Status got) { status.set_value(std::move(got)); });
  return status.get_future().get().ok();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return EXIT_FAILURE;
  claviger::ClientOptions options;
  options.endpoints = {argv[1]};
  options.key_file = argv[2];
  options.plaintext = true;
  options.check_timeout = absl::Seconds(20);
  auto client = claviger::Client::Create(std::move(options));
  if (!client.ok()) return EXIT_FAILURE;
  auto guard = claviger::Guard::Create(**client);
  if (!guard.ok()) return EXIT_FAILURE;

  Service service(**guard);
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterCallbackGenericService(&service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  grpc::GenericStub stub(
      grpc::CreateChannel("127.0.0.1:" + std::to_string(port), grpc::InsecureChannelCredentials()));

  std::atomic<int> let_in{0};
  std::vector<std::thread> callers;
  for (std::string key; std::getline(std::cin, key);) {
    callers.emplace_back([&stub, &let_in, key] { let_in += IsLetIn(stub, key) ? 1 : 0; });
  }
  for (std::thread& caller : callers) caller.join();
  std::cout << let_in.load() << std::endl;
  server->Shutdown();
  return EXIT_SUCCESS;
}
