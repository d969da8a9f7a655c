#include "client/cli/time_text.h"

#include <gtest/gtest.h>

namespace claviger::cli {
namespace {

TEST(FormatRelativeTest, OneUnitOnEitherSideOfNow) {
  const absl::Time now = absl::FromUnixSeconds(1'893'456'000);
  const struct {
    absl::Duration offset;
    const char* want;
  } cases[] = {{absl::Hours(24 * 89 + 11), "in 89 days"},
               {absl::Hours(24 * 90) - absl::Seconds(1), "in 90 days"},
               {absl::Hours(36), "in 36 h"},
               {absl::Hours(12) - absl::Milliseconds(600), "in 12 h"},
               {absl::Minutes(61), "in 61 min"},
               {absl::Seconds(59), "in 59 s"},
               {absl::Seconds(1), "in 1 s"},
               {absl::ZeroDuration(), "just now"},
               {-absl::Milliseconds(400), "just now"},
               {-absl::Hours(3), "3 h ago"},
               {-absl::Minutes(2), "2 min ago"},
               {-absl::Hours(24 * 400), "400 days ago"},
               {absl::Hours(24 * 365 * 10), "in 10 years"}};
  for (const auto& c : cases) EXPECT_EQ(FormatRelative(now + c.offset, now), c.want);
}

TEST(FormatRelativeTest, SurvivesTimesOutOfRange) {
  const absl::Time now = absl::FromUnixSeconds(1'893'456'000);
  google::protobuf::Timestamp absurd;
  absurd.set_seconds(INT64_MAX);
  EXPECT_TRUE(FormatRelative(FromProto(absurd), now).starts_with("in "));
  absurd.set_seconds(INT64_MIN);
  EXPECT_TRUE(FormatRelative(FromProto(absurd), now).ends_with(" ago"));
}

TEST(FormatElapsedTest, ReadsAsPeopleSayIt) {
  const struct {
    absl::Duration duration;
    const char* want;
  } cases[] = {{absl::ZeroDuration(), "0 ms"},      {absl::Microseconds(350), "350 µs"},
               {absl::Milliseconds(3), "3 ms"},     {absl::Microseconds(3'456), "3.46 ms"},
               {absl::Milliseconds(250), "250 ms"}, {absl::Milliseconds(2'100), "2.1 s"},
               {absl::Seconds(30), "30 s"},         {absl::Minutes(4), "4 min"}};
  for (const auto& c : cases) EXPECT_EQ(FormatElapsed(c.duration), c.want);
}

TEST(FormatLengthTest, LargestWholeUnits) {
  EXPECT_EQ(FormatLength(absl::Hours(24 * 90)), "90 days");
  EXPECT_EQ(FormatLength(absl::Hours(36)), "1 day 12 h");
  EXPECT_EQ(FormatLength(absl::Milliseconds(20)), "20 ms");
}

TEST(FormatRfc3339Test, IsUtcToTheSecond) {
  EXPECT_EQ(FormatRfc3339(absl::FromUnixMillis(1'893'456'000'900)), "2030-01-01T00:00:00Z");
}

TEST(TimeProtoTest, RoundTripsToTheNanosecond) {
  for (const absl::Time time : {absl::FromUnixNanos(1'893'456'000'123'456'789),
                                absl::FromUnixNanos(-1), absl::UnixEpoch()}) {
    EXPECT_EQ(FromProto(ToProto(time)), time);
    EXPECT_GE(ToProto(time).nanos(), 0);
  }
  const absl::Duration duration = absl::Nanoseconds(1'500'000'001);
  EXPECT_EQ(FromProto(ToProto(duration)), duration);
}

}  // namespace
}  // namespace claviger::cli
