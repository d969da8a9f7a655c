#include "client/src/endpoint.h"

#include <string>

#include "gtest/gtest.h"

namespace claviger::client {
namespace {

TEST(EndpointTest, NamesWhereAndWhetherItIsHere) {
  const struct {
    const char* text;
    const char* uri;
    bool is_local;
  } kCases[] = {
      {"127.0.0.1:7420", "ipv4:127.0.0.1:7420", true},
      {"127.9.9.9:1", "ipv4:127.9.9.9:1", true},
      {"[::1]:7420", "ipv6:[::1]:7420", true},
      {"localhost:7420", "dns:///localhost:7420", true},
      {"unix:/run/claviger.sock", "unix:/run/claviger.sock", true},
      {"192.0.2.1:65535", "ipv4:192.0.2.1:65535", false},
      {"[2001:db8::1]:7420", "ipv6:[2001:db8::1]:7420", false},
      {"keys-1.internal:7420", "dns:///keys-1.internal:7420", false},
      {"localhost.example.com:7420", "dns:///localhost.example.com:7420", false},
      {"127.0.0.1.example.com:7420", "dns:///127.0.0.1.example.com:7420", false},
      {"0.0.0.0:7420", "ipv4:0.0.0.0:7420", false},
  };
  for (const auto& [text, uri, is_local] : kCases) {
    const std::optional<Endpoint> endpoint = ParseEndpoint(text);
    ASSERT_TRUE(endpoint.has_value()) << text;
    EXPECT_EQ(endpoint->name, text);
    EXPECT_EQ(endpoint->uri, uri);
    EXPECT_EQ(endpoint->is_local, is_local) << text;
  }
}

TEST(EndpointTest, RefusesWhatIsNone) {
  const std::string long_host(254, 'a');
  for (const std::string& text : {std::string(),
                                  std::string("keys"),
                                  std::string(":7420"),
                                  std::string("keys:"),
                                  std::string("keys:0"),
                                  std::string("keys:65536"),
                                  std::string("keys:74x"),
                                  std::string("::1:7420"),
                                  std::string("[127.0.0.1]:7420"),
                                  std::string("[::1]"),
                                  std::string("[keys]:7420"),
                                  std::string("http://keys:7420"),
                                  std::string("a b:7420"),
                                  std::string("dns:///keys:7420"),
                                  std::string("keys:-1"),
                                  std::string("k\xc3\xb6:1"),
                                  std::string("unix:"),
                                  "unix:" + std::string(108, 'a'),
                                  long_host + ":7420",
                                  std::string("keys\0x:7420", 11)}) {
    EXPECT_FALSE(ParseEndpoint(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace claviger::client
