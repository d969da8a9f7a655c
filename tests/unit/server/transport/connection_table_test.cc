#include "server/transport/connection_table.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/file_descriptor.h"
#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace claviger {
namespace {

using ::testing::Optional;

ConnectionPeer PeerAt(const std::string& host, uint16_t port) {
  sockaddr_storage address{};
  if (host.find(':') != std::string::npos) {
    auto& v6 = reinterpret_cast<sockaddr_in6&>(address);
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    EXPECT_EQ(inet_pton(AF_INET6, host.c_str(), &v6.sin6_addr), 1) << host;
  } else {
    auto& v4 = reinterpret_cast<sockaddr_in&>(address);
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    EXPECT_EQ(inet_pton(AF_INET, host.c_str(), &v4.sin_addr), 1) << host;
  }
  return *ConnectionPeer::FromSocketAddress(address);
}

// One end is the table's, the other the client's.
class Pair {
 public:
  Pair() {
    int fds[2] = {-1, -1};
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    server_.Reset(fds[0]);
    client_.Reset(fds[1]);
  }
  SocketId id() const { return SocketId::Of(server_.get()); }
  // As gRPC does at the end of a connection.
  void CloseServerEnd() { server_.Reset(); }
  bool WasHungUp() const {
    char byte = 0;
    return recv(client_.get(), &byte, 1, MSG_DONTWAIT) == 0;
  }

 private:
  FileDescriptor server_;
  FileDescriptor client_;
};

class ConnectionTableTest : public testing::Test {
 protected:
  void SetCaps(size_t total, size_t per_address) {
    table_ = std::make_unique<ConnectionTable>(
        ConnectionCaps{.total = total, .per_address = per_address}, marks_);
  }

  std::optional<ConnectionCap> Admit(const Pair& pair, const std::string& host, uint16_t port) {
    return table_->Admit(pair.id(), PeerAt(host, port), now_);
  }
  // A caller is recognised on the connection from there.
  void Recognise(const std::string& host, uint16_t port) {
    marks_.Note(host.find(':') != std::string::npos ? fmt::format("ipv6:%5B{}%5D:{}", host, port)
                                                    : fmt::format("ipv4:{}:{}", host, port));
    table_->TakeMarks();
  }

  CallerMarks marks_;
  absl::Duration now_ = absl::Hours(1);
  std::unique_ptr<ConnectionTable> table_;
};

TEST_F(ConnectionTableTest, TheOldestWithoutACallerMakesRoomInTotal) {
  SetCaps(3, 3);
  std::vector<Pair> pairs(5);
  for (size_t i = 0; i < pairs.size(); ++i) {
    EXPECT_EQ(Admit(pairs[i], fmt::format("10.0.0.{}", i), 1), std::nullopt);
  }
  EXPECT_TRUE(pairs[0].WasHungUp());
  EXPECT_TRUE(pairs[1].WasHungUp());
  for (size_t i = 2; i < pairs.size(); ++i) EXPECT_FALSE(pairs[i].WasHungUp()) << i;
  EXPECT_EQ(table_->counts().made_room[static_cast<size_t>(ConnectionCap::kTotal)], 2u);
  EXPECT_EQ(table_->counts().closing, 2u);
}

TEST_F(ConnectionTableTest, OneWithACallerNeverMakesRoom) {
  SetCaps(2, 2);
  std::vector<Pair> pairs(4);
  EXPECT_EQ(Admit(pairs[0], "10.0.0.1", 1), std::nullopt);
  Recognise("10.0.0.1", 1);
  EXPECT_EQ(Admit(pairs[1], "10.0.0.2", 1), std::nullopt);
  EXPECT_EQ(Admit(pairs[2], "10.0.0.3", 1), std::nullopt);
  EXPECT_TRUE(pairs[1].WasHungUp());
  Recognise("10.0.0.3", 1);
  EXPECT_THAT(Admit(pairs[3], "10.0.0.4", 1), Optional(ConnectionCap::kTotal));
  EXPECT_FALSE(pairs[0].WasHungUp());
  EXPECT_FALSE(pairs[2].WasHungUp());
  EXPECT_EQ(table_->counts().with_call, 2u);
}

TEST_F(ConnectionTableTest, AnAddressAtItsCapDisplacesItselfAlone) {
  SetCaps(10, 2);
  std::vector<Pair> pairs(4);
  EXPECT_EQ(Admit(pairs[0], "10.0.0.1", 1), std::nullopt);
  for (uint16_t i = 1; i < 4; ++i) EXPECT_EQ(Admit(pairs[i], "10.0.0.2", i), std::nullopt);
  EXPECT_FALSE(pairs[0].WasHungUp());
  EXPECT_TRUE(pairs[1].WasHungUp());
  EXPECT_FALSE(pairs[2].WasHungUp());
}

TEST_F(ConnectionTableTest, AnAddressFullOfCallersIsRefused) {
  SetCaps(10, 2);
  std::vector<Pair> pairs(4);
  for (uint16_t i = 0; i < 2; ++i) {
    EXPECT_EQ(Admit(pairs[i], "10.0.0.2", i), std::nullopt);
    Recognise("10.0.0.2", i);
  }
  EXPECT_THAT(Admit(pairs[2], "10.0.0.2", 2), Optional(ConnectionCap::kAddress));
  EXPECT_EQ(Admit(pairs[3], "10.0.0.3", 2), std::nullopt);
}

TEST_F(ConnectionTableTest, StrangersMakeRoomBeforeAddressesOfCallers) {
  SetCaps(3, 3);
  std::vector<Pair> pairs(5);
  EXPECT_EQ(Admit(pairs[0], "10.0.0.1", 1), std::nullopt);
  EXPECT_EQ(Admit(pairs[1], "10.0.0.1", 2), std::nullopt);
  Recognise("10.0.0.1", 2);  // and so the other one is of an address of callers
  EXPECT_EQ(Admit(pairs[2], "10.0.0.3", 1), std::nullopt);
  EXPECT_EQ(Admit(pairs[3], "10.0.0.4", 1), std::nullopt);
  EXPECT_FALSE(pairs[0].WasHungUp());
  EXPECT_TRUE(pairs[2].WasHungUp());
  Recognise("10.0.0.4", 1);
  EXPECT_EQ(Admit(pairs[4], "10.0.0.5", 1), std::nullopt);
  EXPECT_TRUE(pairs[0].WasHungUp());
}

TEST_F(ConnectionTableTest, AnAddressOfCallersIsRememberedForAnHour) {
  SetCaps(2, 2);
  std::vector<Pair> pairs(6);
  EXPECT_EQ(Admit(pairs[0], "10.0.0.1", 1), std::nullopt);
  Recognise("10.0.0.1", 1);
  pairs[0].CloseServerEnd();
  table_->Sweep(now_);
  EXPECT_EQ(table_->counts().open, 0u);
  now_ += ConnectionTable::kAddressMemory;
  table_->Sweep(now_);
  EXPECT_EQ(Admit(pairs[1], "10.0.0.1", 2), std::nullopt);
  EXPECT_EQ(Admit(pairs[2], "10.0.0.2", 1), std::nullopt);
  EXPECT_EQ(Admit(pairs[3], "10.0.0.3", 1), std::nullopt);
  EXPECT_FALSE(pairs[1].WasHungUp());
  EXPECT_TRUE(pairs[2].WasHungUp());
  // It is left once more, and this time for longer.
  pairs[1].CloseServerEnd();
  table_->Sweep(now_);
  now_ += ConnectionTable::kAddressMemory + absl::Seconds(1);
  table_->Sweep(now_);
  EXPECT_EQ(Admit(pairs[4], "10.0.0.1", 3), std::nullopt);
  EXPECT_EQ(Admit(pairs[5], "10.0.0.4", 1), std::nullopt);
  EXPECT_TRUE(pairs[3].WasHungUp());
  Pair last;
  EXPECT_EQ(Admit(last, "10.0.0.5", 1), std::nullopt);
  EXPECT_TRUE(pairs[4].WasHungUp());
}

TEST_F(ConnectionTableTest, WhatHasEndedLeavesItsPlace) {
  SetCaps(2, 2);
  std::vector<Pair> pairs(4);
  for (uint16_t i = 0; i < 2; ++i) {
    EXPECT_EQ(Admit(pairs[i], "10.0.0.1", i), std::nullopt);
    Recognise("10.0.0.1", i);
  }
  pairs[0].CloseServerEnd();
  now_ += absl::Seconds(1);
  EXPECT_EQ(Admit(pairs[2], "10.0.0.1", 2), std::nullopt);
  Recognise("10.0.0.1", 2);
  pairs[1].CloseServerEnd();
  now_ += absl::Seconds(1);
  EXPECT_EQ(Admit(pairs[3], "10.0.0.2", 3), std::nullopt);
  EXPECT_EQ(table_->counts().open, 2u);
  EXPECT_EQ(table_->counts().with_call, 1u);
}

TEST_F(ConnectionTableTest, ADescriptorThatBecameAnotherSocketIsNotTheOldOne) {
  SetCaps(4, 4);
  auto before = std::make_unique<Pair>();
  const SocketId id = before->id();
  EXPECT_EQ(Admit(*before, "10.0.0.1", 1), std::nullopt);
  before.reset();
  const Pair after;
  ASSERT_EQ(after.id().fd, id.fd) << "the system gives the lowest number that is free";
  EXPECT_FALSE(id.IsOpen());
  EXPECT_TRUE(id.HangUp());
  EXPECT_FALSE(after.WasHungUp());
  table_->Sweep(now_);
  EXPECT_EQ(table_->counts().open, 0u);
}

TEST_F(ConnectionTableTest, TheSameAddressAndPortIsRecognisedAnewInANewConnection) {
  SetCaps(2, 2);
  Pair first;
  EXPECT_EQ(Admit(first, "10.0.0.1", 1), std::nullopt);
  Recognise("10.0.0.1", 1);
  EXPECT_EQ(table_->counts().with_call, 1u);
  first.CloseServerEnd();
  Pair second;
  EXPECT_EQ(Admit(second, "10.0.0.1", 1), std::nullopt);
  EXPECT_EQ(table_->counts().with_call, 0u);
  Recognise("10.0.0.1", 1);
  EXPECT_EQ(table_->counts().with_call, 1u);
}

TEST_F(ConnectionTableTest, NoMoreAreHungUpThanMayBeOpenBesides) {
  const ConnectionCaps caps{.total = 16, .per_address = 16};
  SetCaps(caps.total, caps.per_address);
  std::vector<Pair> pairs(100);
  EXPECT_EQ(Admit(pairs[0], "10.1.0.1", 1), std::nullopt);
  Recognise("10.1.0.1", 1);
  size_t taken = 1;
  for (size_t i = 1; i < 50; ++i) {
    if (Admit(pairs[i], fmt::format("10.0.0.{}", i), 1) == std::nullopt) ++taken;
  }
  EXPECT_EQ(taken, caps.total + caps.closing() / 2) << "strangers may cause half of it";
  for (size_t i = 50; i < 100; ++i) {
    if (Admit(pairs[i], "10.1.0.1", static_cast<uint16_t>(i)) == std::nullopt) ++taken;
  }
  EXPECT_EQ(taken, caps.most_open());
  EXPECT_EQ(table_->counts().open, caps.most_open());
  // gRPC gets round to closing one.
  pairs[1].CloseServerEnd();
  now_ += absl::Seconds(1);
  const Pair next;
  EXPECT_EQ(Admit(next, "10.1.0.1", 1000), std::nullopt);
  EXPECT_EQ(table_->counts().open, caps.most_open());
}

TEST_F(ConnectionTableTest, StrangersHaveRoomMadeForThemOnlySoOften) {
  SetCaps(1, 1);
  Pair first;
  EXPECT_EQ(Admit(first, "10.0.0.1", 1), std::nullopt);
  Pair* last = &first;
  std::vector<std::unique_ptr<Pair>> pairs;
  const auto next = [&](const std::string& host) {
    pairs.push_back(std::make_unique<Pair>());
    const std::optional<ConnectionCap> full = Admit(*pairs.back(), host, 7);
    if (!full.has_value()) std::exchange(last, pairs.back().get())->CloseServerEnd();
    return full;
  };
  size_t taken = 0;
  for (int i = 0; i < 1100; ++i) {
    // Closed ones are looked for every 2 ms.
    now_ += absl::Nanoseconds(1);
    if (i % 8 == 0) now_ += absl::Microseconds(1);
    table_->Sweep(now_);
    if (!next(fmt::format("10.0.{}.{}", 1 + i / 250, i % 250)).has_value()) ++taken;
  }
  EXPECT_GE(taken, 1000u);
  EXPECT_LT(taken, 1010u);
  now_ += absl::Seconds(1);
  table_->Sweep(now_);
  EXPECT_EQ(next("10.9.9.9"), std::nullopt);
}

TEST_F(ConnectionTableTest, AnAddressOfCallersIsNotHeldUpByThat) {
  SetCaps(2, 2);
  Pair caller;
  EXPECT_EQ(Admit(caller, "10.0.0.1", 1), std::nullopt);
  Recognise("10.0.0.1", 1);
  std::vector<std::unique_ptr<Pair>> pairs;
  std::optional<ConnectionCap> full;
  for (int i = 0; i < 1100; ++i) {
    pairs.push_back(std::make_unique<Pair>());
    full = Admit(*pairs.back(), fmt::format("10.0.{}.{}", 1 + i / 250, i % 250), 7);
    if (i > 0 && !full.has_value()) {
      for (auto& pair : pairs) {
        if (pair->WasHungUp()) pair->CloseServerEnd();
      }
      if (pairs.size() > 1) pairs.erase(pairs.begin(), std::prev(pairs.end()));
    }
    table_->Sweep(now_);
  }
  EXPECT_THAT(full, Optional(ConnectionCap::kTotal)) << "strangers are held up";
  const Pair again;
  EXPECT_EQ(Admit(again, "10.0.0.1", 2), std::nullopt);
}

TEST_F(ConnectionTableTest, AnIpv6CustomerIsOneAddress) {
  SetCaps(10, 1);
  std::vector<Pair> pairs(3);
  EXPECT_EQ(Admit(pairs[0], "2001:db8:0:1::1", 1), std::nullopt);
  EXPECT_EQ(Admit(pairs[1], "2001:db8:0:1:ffff::2", 1), std::nullopt);
  EXPECT_TRUE(pairs[0].WasHungUp());
  EXPECT_EQ(Admit(pairs[2], "2001:db8:0:2::1", 1), std::nullopt);
  EXPECT_FALSE(pairs[1].WasHungUp());
}

TEST_F(ConnectionTableTest, UnixSocketsHaveTheTotalAlone) {
  SetCaps(2, 1);
  std::vector<Pair> pairs(3);
  EXPECT_EQ(table_->Admit(pairs[0].id(), std::nullopt, now_), std::nullopt);
  EXPECT_EQ(table_->Admit(pairs[1].id(), std::nullopt, now_), std::nullopt);
  EXPECT_THAT(table_->Admit(pairs[2].id(), std::nullopt, now_), Optional(ConnectionCap::kTotal));
  EXPECT_FALSE(pairs[0].WasHungUp());
}

TEST_F(ConnectionTableTest, WhatGrpcAndTheSystemCallAPeerIsTheSame) {
  const std::pair<const char*, ConnectionPeer> kCases[] = {
      {"ipv4:192.0.2.1:50051", PeerAt("192.0.2.1", 50051)},
      {"ipv6:%5B::1%5D:50051", PeerAt("::1", 50051)},
      {"ipv6:[2001:db8::1]:1", PeerAt("2001:db8::1", 1)},
      {"ipv4:192.0.2.1:50051", PeerAt("::ffff:192.0.2.1", 50051)},
      {"ipv6:%5Bfe80::1%25eth0%5D:9", PeerAt("fe80::1", 9)},
  };
  for (const auto& [grpc, peer] : kCases) {
    EXPECT_THAT(ConnectionPeer::FromGrpc(grpc), Optional(peer)) << grpc;
  }
  for (const char* other : {"unix:", "unix:/run/x", "", "ipv4:", "ipv4:1.2.3.4", "ipv4:1.2.3.4:x",
                            "ipv4:1.2.3.4:99999", "ipv6:x:1"}) {
    EXPECT_EQ(ConnectionPeer::FromGrpc(other), std::nullopt) << other;
  }
}

TEST(CallerMarksTest, APeerIsPassedOnOnceUntilItIsForgotten) {
  CallerMarks marks;
  for (int i = 0; i < 3; ++i) marks.Note("ipv4:10.0.0.1:1");
  marks.Note("unix:");
  const std::vector<CallerMarks::Mark> taken = marks.Take();
  ASSERT_EQ(taken.size(), 1u);
  EXPECT_EQ(taken[0].peer, "ipv4:10.0.0.1:1");
  marks.Note("ipv4:10.0.0.1:1");
  EXPECT_TRUE(marks.Take().empty());
  marks.Forget(taken[0].hash);
  marks.Note("ipv4:10.0.0.1:1");
  EXPECT_EQ(marks.Take().size(), 1u);
}

TEST(CallerMarksTest, ManyPeersAreAllPassedOn) {
  CallerMarks marks;
  size_t passed_on = 0;
  for (int i = 0; i < 50'000; ++i) marks.Note(fmt::format("ipv4:10.0.{}.1:{}", i / 250, i));
  passed_on += marks.Take().size();
  EXPECT_EQ(passed_on, 50'000u);
}

}  // namespace
}  // namespace claviger
