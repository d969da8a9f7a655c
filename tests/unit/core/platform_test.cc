#include <array>
#include <set>
#include <vector>

#include "core/platform/system_clock.h"
#include "core/platform/system_random.h"
#include "gtest/gtest.h"
#include "tests/support/fake_clock.h"

namespace claviger {
namespace {

TEST(SystemClockTest, TellsTheTimeOfThisCentury) {
  const SystemClock clock;
  EXPECT_GT(clock.Now(), absl::FromUnixSeconds(1700000000));
  EXPECT_LT(clock.Now(), absl::FromUnixSeconds(4102444800));
}

TEST(SystemClockTest, TimeSinceBootNeverGoesBack) {
  const SystemClock clock;
  absl::Duration last = clock.SinceBoot();
  EXPECT_GT(last, absl::ZeroDuration());
  for (int i = 0; i < 10000; ++i) {
    const absl::Duration now = clock.SinceBoot();
    ASSERT_GE(now, last);
    last = now;
  }
}

TEST(SystemRandomTest, FillsTheWholeSpanAndDoesNotRepeat) {
  SystemRandom random;
  std::set<std::array<uint8_t, 16>> seen;
  for (int i = 0; i < 1000; ++i) {
    std::array<uint8_t, 16> bytes{};
    ASSERT_TRUE(random.Fill(bytes).ok());
    EXPECT_TRUE(seen.insert(bytes).second);
  }
  // 4096 bytes: each of the last 32 being 0 has a chance of 2^-256.
  std::vector<uint8_t> many(4096, 0);
  ASSERT_TRUE(random.Fill(many).ok());
  EXPECT_NE(std::vector<uint8_t>(many.end() - 32, many.end()), std::vector<uint8_t>(32, 0));
}

TEST(SystemRandomTest, AnEmptySpanIsFilled) {
  SystemRandom random;
  EXPECT_TRUE(random.Fill({}).ok());
}

TEST(FakeClockTest, MovesOnlyWhenTold) {
  FakeClock clock;
  const absl::Time now = clock.Now();
  const absl::Duration since_boot = clock.SinceBoot();
  EXPECT_EQ(clock.Now(), now);
  clock.Advance(absl::Seconds(5));
  EXPECT_EQ(clock.Now(), now + absl::Seconds(5));
  EXPECT_EQ(clock.SinceBoot(), since_boot + absl::Seconds(5));
  clock.SetNow(now - absl::Hours(24));
  EXPECT_EQ(clock.Now(), now - absl::Hours(24));
  EXPECT_EQ(clock.SinceBoot(), since_boot + absl::Seconds(5));
}

}  // namespace
}  // namespace claviger
