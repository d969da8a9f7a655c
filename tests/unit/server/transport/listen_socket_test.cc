#include "server/transport/listen_socket.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/server/transport/raw_connection.h"

namespace claviger {
namespace {

using ::testing::HasSubstr;

absl::StatusOr<ListenSocket> Open(const std::string& address) {
  return ListenSocket::Open(*ListenAddress::Parse(address), absl::Seconds(10));
}

TEST(ListenSocketTest, TellsThePortThatTheSystemChose) {
  for (const std::string address : {"127.0.0.1:0", "[::1]:0", "[::]:0", "0.0.0.0:0"}) {
    const auto socket = Open(address);
    ASSERT_TRUE(socket.ok()) << socket.status();
    EXPECT_NE(socket->address().port(), 0) << address;
    EXPECT_EQ(socket->address(), ListenAddress::Parse(address)->WithPort(socket->address().port()));
  }
}

TEST(ListenSocketTest, ASecondOneOnTheSamePortFails) {
  const auto first = Open("127.0.0.1:0");
  ASSERT_TRUE(first.ok()) << first.status();
  const std::string address = first->address().ToString();
  const auto second = Open(address);
  EXPECT_EQ(second.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(second.status().message()),
              testing::AllOf(HasSubstr("--listen " + address), HasSubstr("another server")));
}

TEST(ListenSocketTest, ThePortOfOneThatEndedIsFreeAtOnce) {
  auto first = Open("127.0.0.1:0");
  ASSERT_TRUE(first.ok()) << first.status();
  const std::string address = first->address().ToString();
  {
    // A connection whose server's end closes first keeps the port in TIME_WAIT.
    RawConnection client(first->address().port());
    close(accept(first->fd(), nullptr, nullptr));
    EXPECT_TRUE(client.ReadToEnd());
  }
  first->Close();
  EXPECT_TRUE(Open(address).ok());
}

TEST(ListenSocketTest, AnIpv6WildcardListensForIpv4Too) {
  const auto socket = Open("[::]:0");
  ASSERT_TRUE(socket.ok()) << socket.status();
  RawConnection client(socket->address().port());  // fails the test when it is refused
  EXPECT_FALSE(client.HasEnded());
}

TEST(ListenSocketTest, AUnixSocketIsItsOwnersAlone) {
  const TempDir dir;
  const auto socket = Open("unix:" + dir.Join("s"));
  ASSERT_TRUE(socket.ok()) << socket.status();
  struct stat info {};
  ASSERT_EQ(stat(dir.Join("s").c_str(), &info), 0);
  EXPECT_TRUE(S_ISSOCK(info.st_mode));
  EXPECT_EQ(info.st_mode & 07777, 0600u);
}

TEST(ListenSocketTest, AUnixSocketGoesWithItsListener) {
  const TempDir dir;
  {
    const auto socket = Open("unix:" + dir.Join("s"));
    ASSERT_TRUE(socket.ok()) << socket.status();
    EXPECT_TRUE(std::filesystem::exists(dir.Join("s")));
  }
  EXPECT_FALSE(std::filesystem::exists(dir.Join("s")));
}

TEST(ListenSocketTest, AUnixSocketWhoseServerDiedIsReplaced) {
  const TempDir dir;
  {
    auto died = Open("unix:" + dir.Join("s"));
    ASSERT_TRUE(died.ok()) << died.status();
    std::filesystem::rename(dir.Join("s"), dir.Join("kept"));
  }
  std::filesystem::rename(dir.Join("kept"), dir.Join("s"));
  const auto next = Open("unix:" + dir.Join("s"));
  EXPECT_TRUE(next.ok()) << next.status();
}

TEST(ListenSocketTest, AUnixSocketInUseIsNotTakenAway) {
  const TempDir dir;
  const auto first = Open("unix:" + dir.Join("s"));
  ASSERT_TRUE(first.ok()) << first.status();
  const auto second = Open("unix:" + dir.Join("s"));
  EXPECT_EQ(second.status().code(), absl::StatusCode::kUnavailable) << second.status();
  EXPECT_TRUE(std::filesystem::exists(dir.Join("s")));
}

TEST(ListenSocketTest, AFileThatIsNoSocketIsLeftAlone) {
  const TempDir dir;
  dir.Write("s", "precious");
  const auto socket = Open("unix:" + dir.Join("s"));
  EXPECT_FALSE(socket.ok());
  EXPECT_TRUE(std::filesystem::is_regular_file(dir.Join("s")));
}

}  // namespace
}  // namespace claviger
