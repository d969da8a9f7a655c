#include "server/transport/listen_address.h"

#include <string>
#include <string_view>

#include "gtest/gtest.h"

namespace claviger {
namespace {

TEST(ListenAddressTest, ParsesAddressesToTheirCanonicalText) {
  const struct {
    std::string_view text;
    std::string_view canonical;
    bool is_loopback;
  } kCases[] = {
      {"127.0.0.1:7420", "127.0.0.1:7420", true},
      {"127.8.9.10:1", "127.8.9.10:1", true},
      {"localhost:7420", "127.0.0.1:7420", true},
      {"[::1]:7420", "[::1]:7420", true},
      {"[0:0:0:0:0:0:0:1]:7420", "[::1]:7420", true},
      {"unix:/run/claviger.sock", "unix:/run/claviger.sock", true},
      {"unix:relative.sock", "unix:relative.sock", true},
      {"0.0.0.0:0", "0.0.0.0:0", false},
      {"[::]:65535", "[::]:65535", false},
      {"192.0.2.1:80", "192.0.2.1:80", false},
      {"[2001:DB8::1]:80", "[2001:db8::1]:80", false},
      {"[::ffff:127.0.0.1]:80", "[::ffff:127.0.0.1]:80", false},
  };
  for (const auto& [text, canonical, is_loopback] : kCases) {
    const auto address = ListenAddress::Parse(text);
    ASSERT_TRUE(address.has_value()) << text;
    EXPECT_EQ(address->ToString(), canonical) << text;
    EXPECT_EQ(address->IsLoopback(), is_loopback) << text;
    EXPECT_EQ(ListenAddress::Parse(address->ToString()), address) << text;
  }
}

TEST(ListenAddressTest, RefusesEverythingElse) {
  const std::string long_path = "unix:/" + std::string(108, 'x');
  for (const std::string_view text : {std::string_view(""),
                                      std::string_view(":7420"),
                                      std::string_view("127.0.0.1"),
                                      std::string_view("127.0.0.1:"),
                                      std::string_view("127.0.0.1:65536"),
                                      std::string_view("127.0.0.1:-1"),
                                      std::string_view("127.0.0.1:+1"),
                                      std::string_view("127.0.0.1: 1"),
                                      std::string_view("127.0.0.1:0x10"),
                                      std::string_view("127.1:80"),
                                      std::string_view("127.0.0.01:80"),
                                      std::string_view("256.0.0.1:80"),
                                      std::string_view("::1:7420"),
                                      std::string_view("[::1]"),
                                      std::string_view("[::1]7420"),
                                      std::string_view("[]:80"),
                                      std::string_view("[::1%lo]:80"),
                                      std::string_view("[127.0.0.1]:80"),
                                      std::string_view("example.com:80"),
                                      std::string_view("localhost.:80"),
                                      std::string_view("LOCALHOST:80"),
                                      std::string_view("*:80"),
                                      std::string_view("http://127.0.0.1:80"),
                                      std::string_view("unix:"),
                                      std::string_view("unix:///run/x"),
                                      std::string_view("unix:/a\nb"),
                                      std::string_view("127.0.0.1:80\0", 13),
                                      std::string_view(long_path)}) {
    EXPECT_FALSE(ListenAddress::Parse(text).has_value()) << text;
  }
}

TEST(ListenAddressTest, TellsItsParts) {
  const auto v6 = *ListenAddress::Parse("[::1]:80");
  EXPECT_EQ(v6.host(), "::1");
  EXPECT_EQ(v6.port(), 80);
  EXPECT_EQ(v6.WithPort(81).ToString(), "[::1]:81");
  const auto socket = *ListenAddress::Parse("unix:/run/s");
  EXPECT_TRUE(socket.is_unix());
  EXPECT_EQ(socket.path(), "/run/s");
}

}  // namespace
}  // namespace claviger
