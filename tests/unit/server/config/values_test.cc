#include "server/config/values.h"

#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "gtest/gtest.h"

namespace claviger {
namespace {

TEST(SizeTest, ParsesNumbersWithAndWithoutUnit) {
  const struct {
    std::string_view text;
    std::optional<uint64_t> bytes;
  } kCases[] = {
      {"0", 0},
      {"1024", 1024},
      {"64KiB", 64 << 10},
      {"256MiB", 256 << 20},
      {"2GiB", uint64_t{2} << 30},
      {"18446744073709551615", std::numeric_limits<uint64_t>::max()},
      {"18446744073709551616", std::nullopt},
      {"18446744073709551615KiB", std::nullopt},
      {"", std::nullopt},
      {"MiB", std::nullopt},
      {"-1", std::nullopt},
      {"+1", std::nullopt},
      {"1.5GiB", std::nullopt},
      {"1 MiB", std::nullopt},
      {"1MB", std::nullopt},
      {"1mib", std::nullopt},
      {"0x10", std::nullopt},
      {" 1", std::nullopt},
  };
  for (const auto& [text, bytes] : kCases) EXPECT_EQ(ParseSize(text), bytes) << text;
}

TEST(SizeTest, FormatIsTakenBack) {
  for (const uint64_t bytes : {uint64_t{0}, uint64_t{1}, uint64_t{1023}, uint64_t{1} << 20,
                               uint64_t{3} << 29, std::numeric_limits<uint64_t>::max()}) {
    EXPECT_EQ(ParseSize(FormatSize(bytes)), bytes);
  }
  EXPECT_EQ(FormatSize(256 << 20), "256MiB");
}

TEST(DurationTest, ParsesFiniteDurationsThatAreNotNegative) {
  const struct {
    std::string_view text;
    std::optional<absl::Duration> duration;
  } kCases[] = {{"10s", absl::Seconds(10)},
                {"1h30m", absl::Minutes(90)},
                {"500ms", absl::Milliseconds(500)},
                {"0", absl::ZeroDuration()},
                {"10", std::nullopt},
                {"", std::nullopt},
                {"-1s", std::nullopt},
                {"inf", std::nullopt},
                {"1d", std::nullopt},
                {"ten seconds", std::nullopt}};
  for (const auto& [text, duration] : kCases) EXPECT_EQ(ParseDuration(text), duration) << text;
}

TEST(SwitchTest, TakesTrueAndFalseOnly) {
  EXPECT_EQ(ParseSwitch("true"), true);
  EXPECT_EQ(ParseSwitch("false"), false);
  for (const std::string_view text : {"", "1", "0", "yes", "True", "on"}) {
    EXPECT_EQ(ParseSwitch(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace claviger
