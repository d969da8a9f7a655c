#include "server/metrics/striped.h"

#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace claviger {
namespace {

using ::testing::ElementsAre;

TEST(StripedCountersTest, SumsOverThreadsWithoutLosingAny) {
  constexpr int kThreads = 8;
  constexpr int kRounds = 20'000;
  StripedCounters counters(11);
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&counters] {
      for (int round = 0; round < kRounds; ++round) {
        counters.Add(3);
        counters.Add(10, 2);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(counters.Sum(3), uint64_t{kThreads} * kRounds);
  EXPECT_EQ(counters.Sum(10), uint64_t{2} * kThreads * kRounds);
  EXPECT_EQ(counters.Sum(0), 0u);
}

TEST(StripedHistogramTest, CountsValuesUpToAndIncludingEachBound) {
  const double kBounds[] = {1, 2, 5};
  StripedHistogram histogram(kBounds, 1000);
  for (const double value : {0.0, 1.0, 1.5, 2.0, 5.0, 5.001, 100.0}) histogram.Observe(value);
  const auto snapshot = histogram.Read();
  EXPECT_THAT(snapshot.cumulative, ElementsAre(2, 4, 5, 7));
  EXPECT_DOUBLE_EQ(snapshot.sum, 114.501);
}

TEST(StripedHistogramTest, SumsOverThreads) {
  const double kBounds[] = {1};
  StripedHistogram histogram(kBounds, 1);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&histogram] {
      for (int round = 0; round < 10'000; ++round) histogram.Observe(round % 2 == 0 ? 1 : 3);
    });
  }
  for (std::thread& thread : threads) thread.join();
  const auto snapshot = histogram.Read();
  EXPECT_THAT(snapshot.cumulative, ElementsAre(20'000, 40'000));
  EXPECT_DOUBLE_EQ(snapshot.sum, 80'000);
}

}  // namespace
}  // namespace claviger
