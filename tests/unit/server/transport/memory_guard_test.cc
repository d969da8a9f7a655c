#include "server/transport/memory_guard.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <atomic>
#include <cerrno>
#include <optional>
#include <string>
#include <vector>

#include "absl/synchronization/notification.h"
#include "core/file_descriptor.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/own_allocator.h"

namespace claviger {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(GrowthWatchTest, ComparesWithTheLowestWithinTheWindow) {
  GrowthWatch watch(absl::Seconds(10));
  EXPECT_EQ(watch.Observe(100, absl::Seconds(0)), 0);
  EXPECT_EQ(watch.Observe(150, absl::Seconds(1)), 50);
  EXPECT_EQ(watch.Observe(80, absl::Seconds(2)), 0) << "a new lowest";
  EXPECT_EQ(watch.Observe(120, absl::Seconds(3)), 40);
  EXPECT_EQ(watch.Observe(120, absl::Seconds(12)), 40) << "the lowest is ten seconds old";
  EXPECT_EQ(watch.Observe(125, absl::Seconds(13)), 5) << "and now it is older";
  EXPECT_EQ(watch.Observe(500, absl::Seconds(100)), 0);
}

std::vector<uint64_t> Cookies(const std::vector<SocketIntake>& sockets) {
  std::vector<uint64_t> cookies;
  for (const SocketIntake& intake : sockets) cookies.push_back(intake.socket.cookie);
  return cookies;
}

TEST(GreediestTest, TakesThoseThatTookInTheMostSinceTheLastLook) {
  const absl::flat_hash_map<uint64_t, uint64_t> before = {{1, 1'000'000}, {2, 0}, {3, 50'000}};
  const std::vector<SocketIntake> now = {
      {.socket = {.fd = 11, .cookie = 1}, .bytes = 1'001'000},  // large, but not of late
      {.socket = {.fd = 12, .cookie = 2}, .bytes = 60'000},
      {.socket = {.fd = 13, .cookie = 3}, .bytes = 150'000},
      {.socket = {.fd = 14, .cookie = 4}, .bytes = 49'000},  // new
  };
  EXPECT_THAT(Cookies(Greediest(before, now, 0, 10)), ElementsAre(3, 2));
  EXPECT_THAT(Cookies(Greediest(before, now, 0, 1)), ElementsAre(3));
  EXPECT_THAT(Cookies(Greediest(before, now, 160'000, 10)), ElementsAre(3, 2)) << "together";
  EXPECT_THAT(Greediest(before, now, 160'001, 10), IsEmpty()) << "nor together";
  EXPECT_THAT(Greediest(before, {}, 0, 10), IsEmpty());
}

// A listener on loopback, and both ends of connections to it.
class Connections : public testing::Test {
 protected:
  struct Pair {
    FileDescriptor client;
    FileDescriptor server;
  };

  Connections() : listener_(socket(AF_INET, SOCK_STREAM, 0)) {
    address_.sin_family = AF_INET;
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address_);
    auto* address = reinterpret_cast<sockaddr*>(&address_);
    EXPECT_EQ(bind(listener_.get(), address, size), 0);
    EXPECT_EQ(listen(listener_.get(), 10), 0);
    EXPECT_EQ(getsockname(listener_.get(), address, &size), 0);
  }

  uint16_t port() const { return ntohs(address_.sin_port); }

  Pair Connect() {
    Pair pair;
    pair.client.Reset(socket(AF_INET, SOCK_STREAM, 0));
    EXPECT_EQ(connect(pair.client.get(), reinterpret_cast<sockaddr*>(&address_), sizeof(address_)),
              0);
    pair.server.Reset(accept(listener_.get(), nullptr, nullptr));
    EXPECT_GE(pair.server.get(), 0);
    return pair;
  }

  // What was read of the connection to `fd`; nullopt when there is none.
  std::optional<SocketIntake> Find(int fd) const {
    for (const SocketIntake& intake : ReadIntakes(port())) {
      if (intake.socket.fd == fd) return intake;
    }
    return std::nullopt;
  }

  FileDescriptor listener_;
  sockaddr_in address_{};
};

void Send(int fd, size_t bytes) {
  const std::string data(bytes, 'x');
  ASSERT_EQ(send(fd, data.data(), data.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes));
}

void Receive(int fd, size_t bytes) {
  std::string data(bytes, ' ');
  ASSERT_EQ(recv(fd, data.data(), data.size(), MSG_WAITALL), static_cast<ssize_t>(bytes));
}

TEST_F(Connections, WhatWaitsToBeReadIsNotTakenIn) {
  const Pair pair = Connect();
  Send(pair.client.get(), 10'000);
  char first = 0;
  ASSERT_EQ(recv(pair.server.get(), &first, 1, MSG_PEEK), 1);
  ASSERT_TRUE(Find(pair.server.get()).has_value());
  EXPECT_EQ(Find(pair.server.get())->bytes, 0);
  Receive(pair.server.get(), 6'000);
  EXPECT_EQ(Find(pair.server.get())->bytes, 6'000);
}

TEST_F(Connections, OnlyConnectionsToThePortAreFound) {
  const Pair pair = Connect();
  EXPECT_FALSE(Find(listener_.get()).has_value());
  EXPECT_FALSE(Find(pair.client.get()).has_value()) << "it is at another port";
  EXPECT_TRUE(Find(pair.server.get()).has_value());
}

TEST_F(Connections, AnAbortedConnectionGivesNothingMoreToRead) {
  const Pair pair = Connect();
  Send(pair.client.get(), 10'000);
  Receive(pair.server.get(), 1'000);
  const std::optional<SocketIntake> intake = Find(pair.server.get());
  ASSERT_TRUE(intake.has_value());
  EXPECT_TRUE(intake->socket.Abort());
  char next = 0;
  EXPECT_LE(recv(pair.server.get(), &next, 1, 0), 0) << "of the 9,000 bytes that waited";
  EXPECT_EQ(recv(pair.client.get(), &next, 1, 0), -1);
  EXPECT_EQ(errno, ECONNRESET);
}

TEST_F(Connections, ANumberThatBecameAnotherSocketIsLeftAlone) {
  const Pair pair = Connect();
  const Pair next = Connect();
  const std::optional<SocketIntake> intake = Find(pair.server.get());
  ASSERT_TRUE(intake.has_value());
  ASSERT_EQ(dup2(next.server.get(), pair.server.get()), pair.server.get());
  EXPECT_FALSE(intake->socket.Abort());
  Send(next.client.get(), 1);
  Receive(next.server.get(), 1);
}

TEST_F(Connections, WhoMadeTheProcessGrowIsDisconnectedAndNobodyElse) {
  const Pair greedy = Connect();
  const Pair modest = Connect();
  std::atomic<uint64_t> in_use = 1000;
  std::atomic<size_t> ended = 0;
  MemoryGuard guard(
      {.port = port(), .most_growth = 1000, .interval = absl::Milliseconds(1)},
      [&](size_t count, uint64_t growth) {
        EXPECT_GT(growth, 1000);
        ended += count;
      },
      [&] { return in_use.load(); });
  const std::string data(10'000, 'x');
  std::string read(data.size(), ' ');
  while (ended == 0) {
    // Until the guard has ended it.
    if (send(greedy.client.get(), data.data(), data.size(), MSG_NOSIGNAL) < 0) break;
    if (recv(greedy.server.get(), read.data(), read.size(), 0) <= 0) break;
    Send(modest.client.get(), 1);
    Receive(modest.server.get(), 1);
    in_use += 10;
  }
  char next = 0;
  while (recv(greedy.client.get(), &next, 1, 0) > 0) {
  }
  EXPECT_EQ(errno, ECONNRESET);
  Send(modest.client.get(), 1);
  Receive(modest.server.get(), 1);
}

TEST_F(Connections, GrowthThatNobodyTookInEndsNothing) {
  const Pair pair = Connect();
  Send(pair.client.get(), 100'000);  // of which little is read
  uint64_t looks = 0;
  absl::Notification enough;
  MemoryGuard guard(
      {.port = port(), .most_growth = 1000, .interval = absl::Milliseconds(1)},
      [](size_t, uint64_t) { ADD_FAILURE() << "nothing was taken in"; },
      [&] {
        if (++looks == 20) enough.Notify();
        if (looks < 20) Receive(pair.server.get(), 1000);
        return 100'000'000 * looks;
      });
  enough.WaitForNotification();
  Receive(pair.server.get(), 81'000);
}

TEST(HeapInUseTest, GrowsByWhatIsTakenAndShrinksWhenItIsGivenBack) {
  if (kSanitizersAllocator) GTEST_SKIP() << "a sanitizer's allocator keeps what was freed";
  const uint64_t before = HeapInUse();
  {
    const std::vector<std::string> taken(1000, std::string(10'000, 'x'));
    EXPECT_GE(HeapInUse(), before + 10'000'000);
  }
  EXPECT_LT(HeapInUse(), before + 10'000'000);
}

}  // namespace
}  // namespace claviger
