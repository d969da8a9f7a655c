#include "server/transport/peer.h"

#include <string>
#include <string_view>

#include "gmock/gmock.h"
#include "grpcpp/security/credentials.h"
#include "grpcpp/security/server_credentials.h"
#include "gtest/gtest.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/server/transport/echo_server.h"

namespace claviger {
namespace {

using ::testing::IsEmpty;

TEST(PeerAddressTest, IsTheAddressWithoutPort) {
  const struct {
    std::string_view grpc_peer;
    std::string_view address;
  } kCases[] = {
      {"ipv4:192.0.2.7:50051", "192.0.2.7"},
      {"ipv6:[2001:DB8::1]:50051", "2001:db8::1"},
      {"ipv6:%5B::1%5D:50051", "::1"},
      {"ipv6:%5bfe80::1%25eth0%5d:50051", "fe80::1"},
      {"ipv6:%5B::ffff:192.0.2.7%5D:1", "192.0.2.7"},
      {"unix:", "unix"},
      {"unix:/run/claviger.sock", "unix"},
      {"unix-abstract:x", "unix"},
      {"", ""},
      {"ipv4:", ""},
      {"ipv4:192.0.2.7", ""},
      {"ipv6:%5B%5D:1", ""},
      {"ipv6:%5", ""},
      {"vsock:1:2", ""},
  };
  for (const auto& [grpc_peer, address] : kCases) {
    EXPECT_EQ(PeerAddress(grpc_peer), address) << grpc_peer;
  }
}

TEST(PeerTest, IsSeenOverEachKindOfAddress) {
  TempDir dir;
  const std::string socket = "unix:" + dir.Join("s");
  const struct {
    std::string listen;
    std::string host;
    std::string address;
  } kCases[] = {{"127.0.0.1:0", "127.0.0.1:", "127.0.0.1"},
                {"[::1]:0", "[::1]:", "::1"},
                {socket, "", "unix"}};
  for (const auto& [listen, host, address] : kCases) {
    EchoServer server(listen, grpc::InsecureServerCredentials());
    const std::string target = host.empty() ? listen : host + std::to_string(server.port());
    const auto peer = server.Call(target, grpc::InsecureChannelCredentials());
    ASSERT_TRUE(peer.ok()) << listen << ": " << peer.status();
    EXPECT_EQ(peer->address, address);
    EXPECT_THAT(peer->sans, IsEmpty());
  }
}

}  // namespace
}  // namespace claviger
