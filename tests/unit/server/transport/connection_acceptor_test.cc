#include "server/transport/connection_acceptor.h"

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "fmt/format.h"
#include "gmock/gmock.h"
#include "grpcpp/security/credentials.h"
#include "grpcpp/security/server_credentials.h"
#include "gtest/gtest.h"
#include "server/transport/open_files.h"
#include "tests/unit/server/transport/echo_server.h"
#include "tests/unit/server/transport/raw_connection.h"

namespace claviger {
namespace {

using Connections = std::vector<std::unique_ptr<RawConnection>>;

// Opens `count` connections that greet and then say nothing; the n-th is from host(n).
template <typename Host>
Connections OpenIdle(const EchoServer& server, int count, const Host& host) {
  Connections connections;
  for (int i = 0; i < count; ++i) {
    connections.push_back(std::make_unique<RawConnection>(server.port(), host(i)));
    connections.back()->Send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    connections.back()->Send(Frame{.type = Frame::kSettings});
  }
  return connections;
}

std::string ManyHosts(int i) { return fmt::format("127.1.{}.{}", i / 250, 1 + i % 250); }
std::string OneHost(int) { return "127.0.0.9"; }

size_t CountOpen(const Connections& connections) {
  size_t open = 0;
  for (const auto& connection : connections) open += connection->HasEnded() ? 0 : 1;
  return open;
}

class ConnectionAcceptorTest : public testing::Test {
 protected:
  static constexpr ConnectionCaps kCaps = {.total = 64, .per_address = 16};

  absl::StatusOr<Peer> Call() {
    return server_.Call(fmt::format("127.0.0.1:{}", server_.port()),
                        grpc::InsecureChannelCredentials());
  }

  EchoServer server_{"127.0.0.1:0", grpc::InsecureServerCredentials(), ServerLimits(), kCaps};
};

TEST_F(ConnectionAcceptorTest, ConnectionsOfOneAddressBeyondItsCapAreClosed) {
  const Connections idle = OpenIdle(server_, 200, OneHost);
  while (CountOpen(idle) > kCaps.per_address) std::this_thread::yield();
  EXPECT_TRUE(Call().ok());
  EXPECT_EQ(CountOpen(idle), kCaps.per_address);
}

TEST_F(ConnectionAcceptorTest, ConnectionsOfManyAddressesBeyondTheTotalAreClosed) {
  const Connections idle = OpenIdle(server_, 300, ManyHosts);
  while (CountOpen(idle) > kCaps.total) std::this_thread::yield();
  // A stranger's connection, too, is let in as soon as gRPC has closed enough of the flood's.
  while (!Call().ok()) std::this_thread::yield();
}

TEST_F(ConnectionAcceptorTest, AConnectionWithACallerOutlivesAFlood) {
  RawConnection caller(server_.port());
  caller.Greet();
  // The caller's connection is taken in before its call is recognised.
  ASSERT_TRUE(caller.ReadUntil(Frame::kSettings).has_value());
  server_.Recognise(caller.peer());
  const Connections flood = OpenIdle(server_, 300, ManyHosts);
  const Connections same_host = OpenIdle(server_, 100, [](int) { return "127.0.0.1"; });
  while (CountOpen(flood) > kCaps.total) std::this_thread::yield();
  caller.BeginCall(1);
  caller.Send(Frame{.type = Frame::kData,
                    .flags = Frame::kEndStream,
                    .stream = 1,
                    .payload = std::string(5, '\0')});
  const std::optional<Frame> answer = caller.ReadUntil(Frame::kData);
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->stream, 1u);
}

TEST_F(ConnectionAcceptorTest, ClosedConnectionsLeaveRoom) {
  for (int round = 0; round < 5; ++round) {
    Connections idle;
    for (int i = 0; i < 60; ++i) {
      // gRPC closes its ends of the round before in its own time.
      for (;;) {
        Connections one = OpenIdle(server_, 1, [i](int) { return ManyHosts(i); });
        if (!one[0]->ReadUntil(Frame::kSettings).has_value()) continue;
        server_.Recognise(one[0]->peer());
        idle.push_back(std::move(one[0]));
        break;
      }
    }
    EXPECT_EQ(CountOpen(idle), 60u);
  }
}

TEST_F(ConnectionAcceptorTest, StopsWithConnectionsInEveryState) {
  for (int round = 0; round < 5; ++round) {
    auto server = std::make_unique<EchoServer>("127.0.0.1:0", grpc::InsecureServerCredentials(),
                                               ServerLimits(), kCaps);
    Connections idle = OpenIdle(*server, 40, ManyHosts);
    const RawConnection silent(server->port());
    for (int i = 0; i < 10; ++i) idle[i]->BeginCall(1);
    server.reset();
    for (const auto& connection : idle) EXPECT_TRUE(connection->ReadToEnd());
  }
}

TEST(CapsWithinTest, LeaveDescriptorsForOthers) {
  ServerLimits limits;
  limits.max_connections = 10'000;
  limits.max_connections_per_address = 77;
  EXPECT_EQ(CapsWithin(limits, 1 << 20).total, 10'000u);
  EXPECT_EQ(CapsWithin(limits, 1 << 20).per_address, 77u);
  for (const uint64_t open_files : {1024u, 1025u, 2048u, 4096u, 8000u}) {
    const ConnectionCaps caps = CapsWithin(limits, open_files);
    EXPECT_LE(caps.most_open() + 600, open_files);
    EXPECT_GE(caps.most_open() + 700, open_files) << "more could be open";
  }
  EXPECT_EQ(CapsWithin(limits, 100).total, 16u);
  EXPECT_EQ(CapsWithin(limits, 0).total, 16u);
}

TEST(RaiseOpenFilesTest, TakesWhatIsAllowed) {
  const uint64_t before = OpenFiles();
  const uint64_t after = RaiseOpenFiles();
  EXPECT_GE(after, before);
  EXPECT_EQ(after, OpenFiles());
}

}  // namespace
}  // namespace claviger
