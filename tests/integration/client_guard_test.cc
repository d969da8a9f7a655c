// A guarded gRPC server: calls of each kind, of the synchronous and the callback API.

#include <grpcpp/create_channel.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server_builder.h>

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "claviger/guard.h"
#include "claviger/server_guard.h"
#include "claviger/testing/fake_checker.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/integration/orders.grpc.pb.h"
#include "tests/support/rpc_error.h"

namespace claviger {
namespace {

using ::claviger::client_testing::FakeChecker;
using ::claviger::test::Order;
using ::claviger::test::Orders;
using ::grpc::StatusCode;
using ::testing::StartsWith;

using Headers = std::map<std::string, std::string>;

constexpr std::string_view kRead[] = {"orders:read"};

// Each method answers one message, or what the guard says. A null guard lets everybody in.
class SyncOrders final : public Orders::Service {
 public:
  explicit SyncOrders(const Guard* guard) : guard_(guard) {}

  grpc::Status Get(grpc::ServerContext* context, const Order*, Order*) override {
    return Enter(*context);
  }
  grpc::Status List(grpc::ServerContext* context, const Order*,
                    grpc::ServerWriter<Order>* writer) override {
    const grpc::Status status = Enter(*context);
    if (status.ok()) writer->Write(Order());
    return status;
  }
  grpc::Status Put(grpc::ServerContext* context, grpc::ServerReader<Order>*, Order*) override {
    return Enter(*context);
  }
  grpc::Status Talk(grpc::ServerContext* context,
                    grpc::ServerReaderWriter<Order, Order>* stream) override {
    const grpc::Status status = Enter(*context);
    if (status.ok()) stream->Write(Order());
    return status;
  }

  int entered() const { return entered_.load(); }

 private:
  grpc::Status Enter(const grpc::ServerContextBase& context) {
    ++entered_;
    return guard_ == nullptr ? grpc::Status::OK
                             : guard_->Check(context, {.required_scopes = kRead}).status();
  }

  const Guard* const guard_;
  std::atomic<int> entered_{0};
};

// A reactor that ends with a status at once, after one message if that is OK.
template <typename Base>
class Answer final : public Base {
 public:
  explicit Answer(const grpc::Status& status) {
    if constexpr (requires { this->StartWriteAndFinish(&message_, {}, status); }) {
      status.ok() ? this->StartWriteAndFinish(&message_, {}, status) : this->Finish(status);
    } else {
      this->Finish(status);
    }
  }
  void OnDone() override { delete this; }

 private:
  const Order message_;
};

class CallbackOrders final : public Orders::CallbackService {
 public:
  explicit CallbackOrders(const Guard* guard) : guard_(guard) {}

  grpc::ServerUnaryReactor* Get(grpc::CallbackServerContext* context, const Order*,
                                Order*) override {
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    if (guard_ == nullptr) {
      reactor->Finish(Enter(*context));
    } else {
      guard_->CheckAsync(
          *context, {.required_scopes = kRead},
          [reactor](const GuardResult& caller) { reactor->Finish(caller.status()); });
    }
    return reactor;
  }
  grpc::ServerWriteReactor<Order>* List(grpc::CallbackServerContext* context,
                                        const Order*) override {
    return new Answer<grpc::ServerWriteReactor<Order>>(Enter(*context));
  }
  grpc::ServerReadReactor<Order>* Put(grpc::CallbackServerContext* context, Order*) override {
    return new Answer<grpc::ServerReadReactor<Order>>(Enter(*context));
  }
  grpc::ServerBidiReactor<Order, Order>* Talk(grpc::CallbackServerContext* context) override {
    return new Answer<grpc::ServerBidiReactor<Order, Order>>(Enter(*context));
  }

  int entered() const { return entered_.load(); }

 private:
  grpc::Status Enter(const grpc::ServerContextBase& context) {
    ++entered_;
    return guard_ == nullptr ? grpc::Status::OK
                             : guard_->Check(context, {.required_scopes = kRead}).status();
  }

  const Guard* const guard_;
  std::atomic<int> entered_{0};
};

// A server of a user of ours, and calls to it with headers.
class UsersServer {
 public:
  using Call = std::function<grpc::Status(const Headers&)>;

  UsersServer(grpc::Service& service, std::shared_ptr<grpc::ServerCredentials> credentials) {
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", std::move(credentials), &port);
    builder.RegisterService(&service);
    server_ = builder.BuildAndStart();
    stub_ = Orders::NewStub(grpc::CreateChannel("127.0.0.1:" + std::to_string(port),
                                                grpc::InsecureChannelCredentials()));
  }
  ~UsersServer() { server_->Shutdown(); }

  // The method's name and a call of it.
  std::map<std::string, Call> Calls() {
    return {{"Get", [this](const Headers& headers) { return Get(headers); }},
            {"List", [this](const Headers& headers) { return List(headers); }},
            {"Put", [this](const Headers& headers) { return Put(headers); }},
            {"Talk", [this](const Headers& headers) { return Talk(headers); }}};
  }

  grpc::Status Get(const Headers& headers) {
    grpc::ClientContext context;
    Add(headers, context);
    Order answer;
    return stub_->Get(&context, {}, &answer);
  }

 private:
  grpc::Status List(const Headers& headers) {
    grpc::ClientContext context;
    Add(headers, context);
    return Drain(*stub_->List(&context, {}));
  }
  grpc::Status Put(const Headers& headers) {
    grpc::ClientContext context;
    Add(headers, context);
    Order answer;
    const auto writer = stub_->Put(&context, &answer);
    writer->WritesDone();
    return writer->Finish();
  }
  grpc::Status Talk(const Headers& headers) {
    grpc::ClientContext context;
    Add(headers, context);
    return Drain(*stub_->Talk(&context));
  }

  static void Add(const Headers& headers, grpc::ClientContext& context) {
    for (const auto& [name, value] : headers) context.AddMetadata(name, value);
  }
  // A call that is let in brings one message, and one that is not brings none.
  template <typename Reader>
  static grpc::Status Drain(Reader& reader) {
    int messages = 0;
    for (Order order; reader.Read(&order);) ++messages;
    const grpc::Status status = reader.Finish();
    EXPECT_EQ(messages, status.ok() ? 1 : 0);
    return status;
  }

  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<Orders::Stub> stub_;
};

class GuardTest : public ::testing::Test {
 protected:
  GuardTest() {
    checker_.Accept("reader", {.scopes = {"orders:read"}});
    checker_.Accept("writer", {.scopes = {"orders:write"}});
    checker_.Accept("here", {.scopes = {"orders:read"}, .allowed_cidrs = {"127.0.0.0/8"}});
    checker_.Accept("there", {.scopes = {"orders:read"}, .allowed_cidrs = {"10.0.0.0/8"}});
    auto guard = Guard::Create(checker_);
    EXPECT_EQ(guard.status(), absl::OkStatus());
    guard_ = *std::move(guard);
  }

  // With handlers that ask the guard.
  void ExpectHandlersGuarded(grpc::Service& service) {
    UsersServer server(service, grpc::InsecureServerCredentials());
    for (const auto& [name, call] : server.Calls()) {
      SCOPED_TRACE(name);
      EXPECT_TRUE(call({{"authorization", "Bearer reader"}}).ok());
      EXPECT_TRUE(call({{"x-api-key", "reader"}}).ok());
      EXPECT_THAT(call({}), IsError(StatusCode::UNAUTHENTICATED, "KEY_MISSING"));
      EXPECT_THAT(call({{"x-api-key", "nobody"}}),
                  IsError(StatusCode::UNAUTHENTICATED, "KEY_INVALID"));
      EXPECT_THAT(call({{"x-api-key", "writer"}}),
                  IsError(StatusCode::PERMISSION_DENIED, "INSUFFICIENT_SCOPE"));
      EXPECT_TRUE(call({{"x-api-key", "here"}}).ok()) << "the peer's address";
      // Nobody said that the second header is to be trusted.
      EXPECT_THAT(call({{"x-api-key", "there"}, {"x-forwarded-for", "10.0.0.1"}}),
                  IsError(StatusCode::PERMISSION_DENIED, "ADDRESS_NOT_ALLOWED"));
    }
  }

  // With a table before handlers that let everybody in: no call that is denied reaches one.
  template <typename Service>
  void ExpectTableHolds(Service& service) {
    auto guard = MakeServerGuard(
        checker_, {{"/claviger.test.Orders/*", {.required_scopes = {"orders:read"}}}});
    ASSERT_EQ(guard.status(), absl::OkStatus());
    const auto credentials = grpc::experimental::LocalServerCredentials(LOCAL_TCP);
    credentials->SetAuthMetadataProcessor(*guard);
    UsersServer server(service, credentials);
    for (const auto& [name, call] : server.Calls()) {
      SCOPED_TRACE(name);
      const int before = service.entered();
      const grpc::Status missing = call({});
      EXPECT_EQ(missing.error_code(), StatusCode::UNAUTHENTICATED);
      EXPECT_THAT(missing.error_message(), StartsWith("KEY_MISSING: "));
      EXPECT_EQ(call({{"x-api-key", "nobody"}}).error_code(), StatusCode::UNAUTHENTICATED);
      EXPECT_EQ(call({{"x-api-key", "writer"}}).error_code(), StatusCode::PERMISSION_DENIED);
      EXPECT_EQ(service.entered(), before);
      EXPECT_TRUE(call({{"authorization", "Bearer reader"}}).ok());
      EXPECT_EQ(service.entered(), before + 1);
    }
  }

  FakeChecker checker_;
  std::unique_ptr<Guard> guard_;
};

TEST_F(GuardTest, GuardsSynchronousHandlers) {
  SyncOrders service(guard_.get());
  ExpectHandlersGuarded(service);
}

TEST_F(GuardTest, GuardsCallbackHandlers) {
  CallbackOrders service(guard_.get());
  ExpectHandlersGuarded(service);
}

TEST_F(GuardTest, ATableGuardsSynchronousServices) {
  SyncOrders service(nullptr);
  ExpectTableHolds(service);
}

TEST_F(GuardTest, ATableGuardsCallbackServices) {
  CallbackOrders service(nullptr);
  ExpectTableHolds(service);
}

TEST_F(GuardTest, WhatIsNotInTheTableIsDenied) {
  SyncOrders service(nullptr);
  auto guard = MakeServerGuard(checker_, {{"/claviger.test.Orders/Get", {}}});
  ASSERT_EQ(guard.status(), absl::OkStatus());
  const auto credentials = grpc::experimental::LocalServerCredentials(LOCAL_TCP);
  credentials->SetAuthMetadataProcessor(*guard);
  UsersServer server(service, credentials);
  for (const auto& [name, call] : server.Calls()) {
    EXPECT_EQ(call({{"x-api-key", "reader"}}).error_code(),
              name == "Get" ? StatusCode::OK : StatusCode::PERMISSION_DENIED)
        << name;
  }
  EXPECT_EQ(service.entered(), 1);
}

}  // namespace
}  // namespace claviger
