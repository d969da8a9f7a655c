// What the network of a run does, over real sockets.

#include "tests/support/tcp_proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/fake_clock.h"

namespace claviger {
namespace {

// For anything that works; then a failure in place of a test that hangs.
constexpr int kPatienceMs = 20'000;

// What a read found.
struct Heard {
  std::string bytes;
  bool end = false;
  int error = 0;
};

// One end of a connection.
class Peer {
 public:
  explicit Peer(FileDescriptor fd) : fd_(std::move(fd)) {}

  // Empty if it was refused.
  static Peer Connect(uint16_t port) {
    FileDescriptor fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      fd.Reset();
    }
    return Peer(std::move(fd));
  }

  explicit operator bool() const { return fd_.get() >= 0; }
  void Say(const std::string& bytes) const {
    EXPECT_EQ(send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }
  void End() const { EXPECT_EQ(shutdown(fd_.get(), SHUT_WR), 0); }
  // How much it can send before it would have to wait.
  size_t SayAsMuchAsPossible() const {
    const std::string bytes(size_t{64} << 10, 'x');
    size_t said = 0;
    for (;;) {
      const ssize_t count =
          send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (count < 0) return said;
      said += static_cast<size_t>(count);
    }
  }
  // Waits for something.
  Heard Hear() const {
    pollfd readable{.fd = fd_.get(), .events = POLLIN, .revents = 0};
    EXPECT_EQ(poll(&readable, 1, kPatienceMs), 1) << "nothing came";
    return HearNow();
  }
  Heard HearNow() const {
    std::array<char, 4096> bytes;
    const ssize_t count = recv(fd_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (count < 0) return {.error = errno};
    return {.bytes = std::string(bytes.data(), static_cast<size_t>(count)), .end = count == 0};
  }

 private:
  FileDescriptor fd_;
};

MATCHER(IsReset, "") { return arg.error == ECONNRESET; }
MATCHER(IsNothing, "") { return arg.error == EAGAIN; }
MATCHER(IsEnd, "") { return arg.end; }

class TcpProxyTest : public testing::Test {
 protected:
  TcpProxyTest()
      : port_(std::move(ReservedPort::Reserve().value())),
        listener_(std::move(port_->Listen().value())),
        proxy_(std::move(TcpProxy::Start(port_->number(), clock_).value())) {}

  // The server's end of the next connection.
  Peer Accept() const {
    pollfd readable{.fd = listener_.get(), .events = POLLIN, .revents = 0};
    EXPECT_EQ(poll(&readable, 1, kPatienceMs), 1) << "nobody connected";
    return Peer(FileDescriptor(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC)));
  }
  // Both ends of a connection through the proxy.
  std::pair<Peer, Peer> Connected() const {
    Peer client = Peer::Connect(proxy_->port());
    Peer server = Accept();
    client.Say("hello");
    EXPECT_EQ(server.Hear().bytes, "hello");
    return {std::move(client), std::move(server)};
  }
  // The proxy's thread has looked at everything since.
  void LetTheProxyLook() const {
    for (int i = 0; i < 3; ++i) (void)proxy_->connections();
  }
  void AwaitBuffered(size_t bytes) const {
    while (proxy_->buffered_bytes() != bytes) std::this_thread::yield();
  }
  void AwaitConnections(size_t count) const {
    while (proxy_->connections() != count) std::this_thread::yield();
  }

  FakeClock clock_;
  const std::unique_ptr<ReservedPort> port_;
  const FileDescriptor listener_;
  const std::unique_ptr<TcpProxy> proxy_;
};

TEST_F(TcpProxyTest, ForwardsBytesAndEndsInBothDirections) {
  const auto [client, server] = Connected();
  server.Say("welcome");
  EXPECT_EQ(client.Hear().bytes, "welcome");
  client.End();
  EXPECT_THAT(server.Hear(), IsEnd());
  server.Say("more");
  EXPECT_EQ(client.Hear().bytes, "more");
  server.End();
  EXPECT_THAT(client.Hear(), IsEnd());
  AwaitConnections(0);
}

TEST_F(TcpProxyTest, ForwardsMuchMoreThanItHolds) {
  const auto ends = Connected();
  const std::string much(20 * TcpProxy::kMaxBuffered, 'm');
  std::thread sender([&] {
    ends.first.Say(much);
    ends.first.End();
  });
  size_t heard = 0;
  for (Heard got = ends.second.Hear(); !got.bytes.empty(); got = ends.second.Hear()) {
    heard += got.bytes.size();
  }
  sender.join();
  EXPECT_EQ(heard, much.size());
}

TEST_F(TcpProxyTest, HoldsNoMoreThanItsBoundForAReaderThatDoesNotRead) {
  const auto [client, server] = Connected();
  // Two rounds, since the proxy makes room as it reads; the kernel's buffers fill up as well.
  while (client.SayAsMuchAsPossible() > 0) LetTheProxyLook();
  EXPECT_GT(proxy_->buffered_bytes(), 0u);
  EXPECT_LT(proxy_->buffered_bytes(), TcpProxy::kMaxBuffered + (size_t{16} << 10));
}

TEST_F(TcpProxyTest, ResetsTheClientWhereTheServerDoesNotListen) {
  const auto other = std::move(ReservedPort::Reserve().value());
  const auto proxy = std::move(TcpProxy::Start(other->number(), clock_).value());
  const Peer client = Peer::Connect(proxy->port());
  ASSERT_TRUE(client);
  EXPECT_THAT(client.Hear(), IsReset());
}

TEST_F(TcpProxyTest, CutResetsBothEndsAndWelcomesTheNext) {
  const auto [client, server] = Connected();
  proxy_->Cut();
  EXPECT_EQ(proxy_->connections(), 0u);
  EXPECT_THAT(client.Hear(), IsReset());
  EXPECT_THAT(server.Hear(), IsReset());
  Connected();
}

TEST_F(TcpProxyTest, RefuseRefusesUntilHealedAndLeavesWhatIsOpen) {
  const auto [client, server] = Connected();
  proxy_->Refuse();
  EXPECT_FALSE(Peer::Connect(proxy_->port()));
  client.Say("still here");
  EXPECT_EQ(server.Hear().bytes, "still here");
  proxy_->Heal();
  Connected();
}

TEST_F(TcpProxyTest, StallForwardsNothingUntilHealed) {
  const auto [client, server] = Connected();
  proxy_->Stall();
  client.Say("late");
  client.End();
  server.Say("late, too");
  LetTheProxyLook();
  EXPECT_THAT(server.HearNow(), IsNothing());
  EXPECT_THAT(client.HearNow(), IsNothing());
  proxy_->Heal();
  EXPECT_EQ(server.Hear().bytes, "late");
  EXPECT_THAT(server.Hear(), IsEnd());
  EXPECT_EQ(client.Hear().bytes, "late, too");
}

TEST_F(TcpProxyTest, StallKeepsNewConnectionsWaiting) {
  proxy_->Stall();
  const Peer client = Peer::Connect(proxy_->port());
  ASSERT_TRUE(client);
  client.Say("anybody there?");
  AwaitConnections(1);
  LetTheProxyLook();
  pollfd readable{.fd = listener_.get(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(poll(&readable, 1, 0), 0) << "the server must not hear of it";
  proxy_->Heal();
  EXPECT_EQ(Accept().Hear().bytes, "anybody there?");
}

TEST_F(TcpProxyTest, AConnectionThatIsStalledCanBeCut) {
  const auto [client, server] = Connected();
  proxy_->Stall();
  proxy_->Cut();
  EXPECT_THAT(client.Hear(), IsReset());
  EXPECT_THAT(server.Hear(), IsReset());
}

TEST_F(TcpProxyTest, DelayForwardsWhenTheTimeHasCome) {
  const auto [client, server] = Connected();
  proxy_->Delay(absl::Seconds(30));
  client.Say("one");
  AwaitBuffered(3);
  clock_.Advance(absl::Seconds(29));
  client.Say("two");
  client.End();
  AwaitBuffered(6);
  EXPECT_THAT(server.HearNow(), IsNothing());
  clock_.Advance(absl::Seconds(1));
  AwaitBuffered(3);
  EXPECT_EQ(server.Hear().bytes, "one");
  EXPECT_THAT(server.HearNow(), IsNothing());
  clock_.Advance(absl::Seconds(29));
  AwaitBuffered(0);
  EXPECT_EQ(server.Hear().bytes, "two");
  EXPECT_THAT(server.Hear(), IsEnd());
}

TEST_F(TcpProxyTest, WhatWasDelayedStaysInOrderWhenHealed) {
  const auto [client, server] = Connected();
  proxy_->Delay(absl::Seconds(30));
  client.Say("one");
  AwaitBuffered(3);
  proxy_->Heal();
  client.Say("two");
  AwaitBuffered(6);
  EXPECT_THAT(server.HearNow(), IsNothing());
  clock_.Advance(absl::Seconds(30));
  AwaitBuffered(0);
  EXPECT_EQ(server.Hear().bytes, "onetwo");
}

TEST_F(TcpProxyTest, HalfCloseEndsOneDirectionOnly) {
  const auto [client, server] = Connected();
  proxy_->HalfClose(TcpProxy::Direction::kToServer);
  EXPECT_THAT(server.Hear(), IsEnd());
  client.Say("into nothing");
  server.Say("heard");
  EXPECT_EQ(client.Hear().bytes, "heard");
  LetTheProxyLook();
  EXPECT_EQ(proxy_->buffered_bytes(), 0u);
  EXPECT_EQ(proxy_->connections(), 1u);
  Connected();
}

TEST_F(TcpProxyTest, HalfCloseOfBothDirectionsIsTheEnd) {
  const auto [client, server] = Connected();
  proxy_->HalfClose(TcpProxy::Direction::kToClient);
  EXPECT_THAT(client.Hear(), IsEnd());
  client.End();
  EXPECT_THAT(server.Hear(), IsEnd());
  server.End();
  AwaitConnections(0);
}

TEST_F(TcpProxyTest, ManyConnectionsAtOnce) {
  std::vector<std::pair<Peer, Peer>> ends;
  for (int i = 0; i < 50; ++i) ends.push_back(Connected());
  EXPECT_EQ(proxy_->connections(), 50u);
  for (size_t i = 0; i < ends.size(); ++i) ends[i].second.Say(std::to_string(i));
  for (size_t i = 0; i < ends.size(); ++i) {
    EXPECT_EQ(ends[i].first.Hear().bytes, std::to_string(i));
  }
}

}  // namespace
}  // namespace claviger
