#include "server/logging/redact.h"

#include <string>
#include <string_view>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace claviger::log {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kKey[] =
    "clv_live_00Yx3kQmPz7RtVwA_0123456789abcdefghijABCDEFGHIJ0123456789abcXYZabc";

TEST(RedactTest, ReplacesKeysWhereverTheyStand) {
  const std::string key = kKey;
  const struct {
    std::string text;
    std::string redacted;
  } kCases[] = {
      {key, "[redacted]"},
      {"a " + key + " b", "a [redacted] b"},
      {"\"" + key + "\"," + key, "\"[redacted]\",[redacted]"},
      {"x=acme2_test_0123456789abcdef!", "x=[redacted]!"},
      {"UPPER" + key, "UPPER[redacted]"},
      {"9" + key, "9[redacted]"},
      {"a_live_b_" + key, "a_live_b_[redacted]"},
      {"00Yx3kQmPz7RtVwA", "00Yx3kQmPz7RtVwA"},
      {"clv_live_tooshort", "clv_live_tooshort"},
      {"clv_prod_0123456789abcdef", "clv_prod_0123456789abcdef"},
      {"_live_0123456789abcdef", "_live_0123456789abcdef"},
      {"nothing", "nothing"},
      {"", ""},
  };
  for (const auto& [text, redacted] : kCases) EXPECT_EQ(RedactKeys(text), redacted) << text;
}

TEST(RedactTest, TakesTheBeginningOfAKeyAsWell) {
  const std::string key = kKey;
  for (size_t size = 25; size <= key.size(); ++size) {
    EXPECT_EQ(RedactKeys("cut " + key.substr(0, size)), "cut [redacted]") << size;
  }
}

TEST(RedactTest, ForeignLinesLoseAuthorizationValuesInAnyForm) {
  for (const std::string_view line :
       {"Authorization: Bearer hunter2", "key=AUTHORIZATION hunter2", "bearer hunter2",
        "got BEARER   hunter2", "Error parsing 'grpc-timeout' metadata: bad value=hunter2",
        "'authorization' has value=hunter2 x"}) {
    const std::string redacted = RedactForeignLine(line);
    EXPECT_THAT(redacted, Not(HasSubstr("hunter2"))) << line;
    EXPECT_THAT(redacted, HasSubstr("[redacted]")) << line;
  }
  EXPECT_EQ(RedactForeignLine("Handshake failed: bearer"), "Handshake failed: bearer");
  EXPECT_EQ(RedactForeignLine("sent bearer abc to x"), "sent bearer [redacted] to x");
  EXPECT_EQ(RedactForeignLine(std::string("read ").append(kKey)), "read [redacted]");
}

TEST(RedactTest, IsLinearOnHostileText) {
  std::string text;
  for (int i = 0; i < 200'000; ++i) text += "a_live_";
  EXPECT_EQ(RedactKeys(text), text);
}

}  // namespace
}  // namespace claviger::log
