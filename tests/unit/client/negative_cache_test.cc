#include "client/src/negative_cache.h"

#include "gtest/gtest.h"
#include "tests/unit/client/grant_testing.h"

namespace claviger::client {
namespace {

constexpr absl::Duration kAsked = absl::Seconds(100);
constexpr absl::Duration kTick = absl::Nanoseconds(1);

TEST(NegativeCacheTest, RemembersForTwoSecondsFromTheQuestion) {
  NegativeCache cache;
  cache.Insert(IdOf(1), HashOf(1), kAsked);
  EXPECT_TRUE(cache.Contains(IdOf(1), HashOf(1), kAsked));
  EXPECT_TRUE(cache.Contains(IdOf(1), HashOf(1), kAsked + absl::Seconds(2) - kTick));
  EXPECT_FALSE(cache.Contains(IdOf(1), HashOf(1), kAsked + absl::Seconds(2)));
}

TEST(NegativeCacheTest, AnotherSecretOfTheSameIdIsNotRemembered) {
  NegativeCache cache;
  cache.Insert(IdOf(1), HashOf(1), kAsked);
  EXPECT_FALSE(cache.Contains(IdOf(1), HashOf(2), kAsked));
  EXPECT_FALSE(cache.Contains(IdOf(2), HashOf(1), kAsked));
}

TEST(NegativeCacheTest, AskedAgainItLastsLonger) {
  NegativeCache cache;
  cache.Insert(IdOf(1), HashOf(1), kAsked);
  cache.Insert(IdOf(1), HashOf(1), kAsked + absl::Seconds(1));
  cache.Insert(IdOf(1), HashOf(1), kAsked);  // a slow answer
  EXPECT_TRUE(cache.Contains(IdOf(1), HashOf(1), kAsked + absl::Seconds(3) - kTick));
  EXPECT_FALSE(cache.Contains(IdOf(1), HashOf(1), kAsked + absl::Seconds(3)));
}

TEST(NegativeCacheTest, EvictDropsAllSecretsOfTheId) {
  NegativeCache cache;
  cache.Insert(IdOf(1), HashOf(1), kAsked);
  cache.Insert(IdOf(1), HashOf(2), kAsked);
  cache.Insert(IdOf(2), HashOf(3), kAsked);
  cache.Evict(IdOf(1));
  EXPECT_FALSE(cache.Contains(IdOf(1), HashOf(1), kAsked));
  EXPECT_FALSE(cache.Contains(IdOf(1), HashOf(2), kAsked));
  EXPECT_TRUE(cache.Contains(IdOf(2), HashOf(3), kAsked));
}

TEST(NegativeCacheTest, FlushDropsEverything) {
  NegativeCache cache;
  for (uint64_t n = 0; n < 100; ++n) cache.Insert(IdOf(n), HashOf(n), kAsked);
  cache.Flush();
  for (uint64_t n = 0; n < 100; ++n) EXPECT_FALSE(cache.Contains(IdOf(n), HashOf(n), kAsked)) << n;
}

TEST(NegativeCacheTest, AFloodPushesOutTheOldest) {
  constexpr size_t kCapacity = 256;
  NegativeCache cache(kCapacity);
  constexpr uint64_t kFlood = 10'000;
  for (uint64_t n = 0; n < kFlood; ++n) {
    cache.Insert(IdOf(n), HashOf(n), kAsked + absl::Nanoseconds(n));
    ASSERT_TRUE(cache.Contains(IdOf(n), HashOf(n), kAsked + absl::Nanoseconds(n)));
  }
  size_t held = 0;
  for (uint64_t n = 0; n < kFlood; ++n) {
    held += cache.Contains(IdOf(n), HashOf(n), kAsked + absl::Milliseconds(1)) ? 1 : 0;
  }
  EXPECT_LE(held, kCapacity);
  EXPECT_GT(held, kCapacity / 2);
}

TEST(NegativeCacheTest, ManyBadSecretsOfOneIdStayInTheirSet) {
  NegativeCache cache;
  cache.Insert(IdOf(2), HashOf(2), kAsked);
  for (uint64_t n = 100; n < 200; ++n) cache.Insert(IdOf(1), HashOf(n), kAsked + kTick);
  size_t held = 0;
  for (uint64_t n = 100; n < 200; ++n) held += cache.Contains(IdOf(1), HashOf(n), kAsked) ? 1 : 0;
  EXPECT_LE(held, 4U);
  EXPECT_GE(held, 1U);
}

}  // namespace
}  // namespace claviger::client
