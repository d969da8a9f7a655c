#include "client/cli/durations.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace claviger::cli {
namespace {

using ::testing::HasSubstr;

absl::Duration Days(int days) { return absl::Hours(24 * days); }

TEST(ParseDurationTest, ReadsNumbersWithUnits) {
  const struct {
    const char* text;
    absl::Duration want;
  } cases[] = {{"500ms", absl::Milliseconds(500)},
               {"30s", absl::Seconds(30)},
               {"15m", absl::Minutes(15)},
               {"1d30m", absl::Hours(24) + absl::Minutes(30)},
               {"1y5ms", absl::Hours(24 * 365) + absl::Milliseconds(5)},
               {"12h", absl::Hours(12)},
               {"30d", Days(30)},
               {"60d", Days(60)},
               {"90d", Days(90)},
               {"180d", Days(180)},
               {"2w", Days(14)},
               {"1y", Days(365)},
               {"1d12h", absl::Hours(36)},
               {"1m500ms", absl::Milliseconds(60'500)},
               {"100y", Days(36'500)}};
  for (const auto& c : cases) {
    const auto duration = ParseDuration("--ttl", c.text);
    ASSERT_TRUE(duration.ok()) << c.text;
    EXPECT_EQ(*duration, c.want) << c.text;
  }
}

TEST(ParseDurationTest, RefusesEverythingElseAndNamesTheFlag) {
  for (const char* text :
       {"",     "90",  "d",   "90 d",  " 90d", "90d ",   "-1d",          "+1d",  "1.5h",  "0s",
        "0d0h", "90D", "1mo", "1d-1h", "101y", "100y1s", "99999999999d", "1d\n", "never", "none"}) {
    const auto duration = ParseDuration("--ttl", text);
    ASSERT_FALSE(duration.ok()) << text;
    EXPECT_EQ(duration.status().code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(std::string(duration.status().message()), HasSubstr("--ttl")) << text;
  }
}

TEST(ParseDurationTest, MonthsAreNoUnitAndAreNotTakenForMinutes) {
  for (const char* text : {"1y6m", "6m1y", "2w3m", "1y6mo", "1mo", "1y5ms6m"}) {
    const auto ttl = ParseTtl("--ttl", text);
    ASSERT_FALSE(ttl.ok()) << text;
    EXPECT_THAT(std::string(ttl.status().message()), HasSubstr("m is minutes")) << text;
  }
}

TEST(ParseTtlTest, NoneIsNoExpiry) {
  const auto ttl = ParseTtl("--ttl", "none");
  ASSERT_TRUE(ttl.ok());
  EXPECT_FALSE(ttl->has_value());
}

TEST(ParseTtlTest, PresetIsADuration) {
  const auto ttl = ParseTtl("--ttl", "90d");
  ASSERT_TRUE(ttl.ok());
  EXPECT_EQ(*ttl, Days(90));
}

TEST(ParseTtlTest, RefusalSaysThatNoneIsAccepted) {
  const auto ttl = ParseTtl("--ttl", "forever");
  ASSERT_FALSE(ttl.ok());
  EXPECT_THAT(std::string(ttl.status().message()), HasSubstr("none"));
}

TEST(ParseTimeTest, ReadsRfc3339AndDates) {
  const absl::Time noon =
      absl::FromCivil(absl::CivilSecond(2030, 1, 31, 12, 0, 0), absl::UTCTimeZone());
  const struct {
    const char* text;
    absl::Time want;
  } cases[] = {{"2030-01-31T12:00:00Z", noon},
               {"2030-01-31T13:00:00+01:00", noon},
               {"2030-01-31T12:00:00.5Z", noon + absl::Milliseconds(500)},
               {"2030-01-31", noon - absl::Hours(12)}};
  for (const auto& c : cases) {
    const auto time = ParseTime("--expires", c.text);
    ASSERT_TRUE(time.ok()) << c.text;
    EXPECT_EQ(*time, c.want) << c.text;
  }
}

TEST(ParseTimeTest, RefusesEverythingElse) {
  for (const char* text : {"", "tomorrow", "2030-13-01", "2030-02-30", "2030-01-31T12:00:00",
                           "2030-01-31 12:00:00Z", "infinite-future", " 2030-01-31", "90d"}) {
    EXPECT_EQ(ParseTime("--expires", text).status().code(), absl::StatusCode::kInvalidArgument)
        << text;
  }
}

TEST(ParseTimeOrOffsetTest, DurationLiesOnTheSideAskedFor) {
  const absl::Time now = absl::FromUnixSeconds(1'893'456'000);
  EXPECT_EQ(*ParseTimeOrOffset("--created-after", "7d", now, Direction::kPast), now - Days(7));
  EXPECT_EQ(*ParseTimeOrOffset("--expire-before", "7d", now, Direction::kFuture), now + Days(7));
}

TEST(ParseTimeOrOffsetTest, TheLongestDurationIsSaid) {
  const auto time = ParseTimeOrOffset("--expires", "500y", absl::UnixEpoch(), Direction::kFuture);
  EXPECT_THAT(std::string(time.status().message()), ::testing::HasSubstr("at most 100y"));
}

TEST(ParseTimeOrOffsetTest, TimeIsItself) {
  const absl::Time now = absl::FromUnixSeconds(1'893'456'000);
  EXPECT_EQ(*ParseTimeOrOffset("--created-after", "2030-01-01", now, Direction::kPast), now);
}

}  // namespace
}  // namespace claviger::cli
