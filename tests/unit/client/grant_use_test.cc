// What checks count in the cache, and how it is gathered.
#include <atomic>
#include <map>
#include <memory>
#include <thread>
#include <vector>

#include "client/src/usage_collector.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/client/grant_testing.h"

namespace claviger::client {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr absl::Duration kNow = absl::Hours(1);

class GrantUseTest : public ::testing::Test {
 protected:
  // As a check that finds the `n`th key in the cache.
  void Use(uint64_t n, VerifyCode code = VerifyCode::kValid, absl::Duration now = kNow,
           std::string_view address = {}) {
    const GrantCache::Reader reader(cache_);
    const GrantEntry* const entry = reader.Find(IdOf(n));
    ASSERT_NE(entry, nullptr);
    CountUse(*entry->grant(), code, address, now);
  }
  std::map<KeyId, uint64_t> ValidById(const std::vector<sync::KeyUse>& uses) {
    std::map<KeyId, uint64_t> counts;
    for (const sync::KeyUse& use : uses) counts[use.id] += use.valid;
    return counts;
  }

  GrantCache cache_{{}};
  UsageCollector collector_{cache_};
};

TEST_F(GrantUseTest, CountsByOutcomeUntilTaken) {
  ASSERT_TRUE(cache_.Insert(GrantOf(1)));
  Use(1, VerifyCode::kValid, kNow - absl::Seconds(2), "192.0.2.1");
  Use(1, VerifyCode::kValid, kNow - absl::Seconds(2), "192.0.2.2");
  Use(1, VerifyCode::kInsufficientScope);
  Use(1, VerifyCode::kAddressNotAllowed);
  Use(1, VerifyCode::kAddressNotAllowed);
  Use(1, VerifyCode::kNotFound);
  EXPECT_THAT(collector_.TakeRest(kNow),
              ElementsAre(sync::KeyUse{.id = IdOf(1),
                                       .valid = 2,
                                       .insufficient_scope = 1,
                                       .address_not_allowed = 2,
                                       .other_denied = 1,
                                       .last_used_ago = absl::Seconds(2),
                                       // Of those within a second the first.
                                       .last_used_address = "192.0.2.1"}));
  EXPECT_THAT(collector_.TakeRest(kNow), IsEmpty());
}

TEST_F(GrantUseTest, TheAddressIsThatOfTheLastSecond) {
  ASSERT_TRUE(cache_.Insert(GrantOf(1)));
  Use(1, VerifyCode::kValid, kNow - absl::Seconds(2), "192.0.2.1");
  Use(1, VerifyCode::kValid, kNow, "no address");
  const std::vector<sync::KeyUse> uses = collector_.TakeRest(kNow);
  ASSERT_THAT(uses, SizeIs(1));
  EXPECT_EQ(uses[0].last_used_address, "");
  EXPECT_EQ(uses[0].last_used_ago, absl::ZeroDuration());
}

TEST_F(GrantUseTest, DenialsAreNoUse) {
  ASSERT_TRUE(cache_.Insert(GrantOf(1)));
  Use(1, VerifyCode::kValid);
  EXPECT_THAT(collector_.TakeRest(kNow), SizeIs(1));
  Use(1, VerifyCode::kInsufficientScope);
  const std::vector<sync::KeyUse> uses = collector_.TakeRest(kNow + absl::Seconds(9));
  ASSERT_THAT(uses, SizeIs(1));
  EXPECT_EQ(uses[0].valid, 0u);
  EXPECT_EQ(uses[0].last_used_ago, std::nullopt);
}

TEST_F(GrantUseTest, WhatARemovedEntryHadCountedIsTaken) {
  for (uint64_t n = 1; n <= 4; ++n) {
    ASSERT_TRUE(cache_.Insert(GrantOf(n)));
    Use(n, VerifyCode::kValid, kNow - absl::Seconds(n), "192.0.2.1");
  }
  cache_.Evict(IdOf(1));
  ASSERT_TRUE(cache_.Insert(GrantOf(2, /*revision=*/2)));
  Use(2);
  cache_.EvictProject("web");
  const std::vector<sync::KeyUse> uses = collector_.TakeRest(kNow);
  EXPECT_EQ(ValidById(uses),
            (std::map<KeyId, uint64_t>{{IdOf(1), 1}, {IdOf(2), 2}, {IdOf(3), 1}, {IdOf(4), 1}}));
  for (const sync::KeyUse& use : uses) {
    if (use.id != IdOf(3)) continue;
    EXPECT_EQ(use.last_used_ago, absl::Seconds(3));
    EXPECT_EQ(use.last_used_address, "192.0.2.1");
  }
  EXPECT_THAT(collector_.TakeRest(kNow), IsEmpty());
}

TEST_F(GrantUseTest, WhatAFlushedEntryHadCountedIsTaken) {
  ASSERT_TRUE(cache_.Insert(GrantOf(1)));
  Use(1);
  cache_.Flush();
  EXPECT_EQ(ValidById(collector_.TakeRest(kNow)), (std::map<KeyId, uint64_t>{{IdOf(1), 1}}));
}

TEST_F(GrantUseTest, WhatManyRemovedEntriesHadCountedIsBounded) {
  constexpr uint64_t kKeys = 100'000;
  for (uint64_t n = 1; n <= kKeys; ++n) {
    ASSERT_TRUE(cache_.Insert(GrantOf(n)));
    Use(n);
    cache_.Evict(IdOf(n));
  }
  size_t taken = 0;
  for (;;) {
    const std::vector<sync::KeyUse> uses = collector_.TakeRest(kNow);
    if (uses.empty()) break;
    EXPECT_LE(uses.size(), sync::kMaxKeyUsesPerBeat);
    taken += uses.size();
  }
  EXPECT_GT(taken, 0u);
  EXPECT_LT(taken, kKeys / 4);
}

TEST_F(GrantUseTest, ARoundTakesTenSeconds) {
  constexpr uint64_t kKeys = 1000;
  for (uint64_t n = 1; n <= kKeys; ++n) {
    ASSERT_TRUE(cache_.Insert(GrantOf(n)));
    Use(n);
  }
  std::map<KeyId, uint64_t> all;
  absl::Duration now = kNow;
  for (int beat = 0; beat < 10; ++beat, now += absl::Seconds(1)) {
    const std::vector<sync::KeyUse> uses = collector_.Take(now);
    EXPECT_THAT(uses, SizeIs(100));
    for (const auto& [id, count] : ValidById(uses)) all[id] += count;
  }
  EXPECT_THAT(all, SizeIs(kKeys));
}

TEST_F(GrantUseTest, ABeatTakesFiveHundredAndLosesNone) {
  constexpr uint64_t kKeys = 1234;
  for (uint64_t n = 1; n <= kKeys; ++n) {
    ASSERT_TRUE(cache_.Insert(GrantOf(n)));
    Use(n);
  }
  std::vector<size_t> sizes;
  std::map<KeyId, uint64_t> all;
  absl::Duration now = kNow;
  // The first call has no time before it, and takes a tenth of the round.
  for (int beat = 0; beat < 5; ++beat, now += UsageCollector::kRound) {
    const std::vector<sync::KeyUse> uses = collector_.Take(now);
    sizes.push_back(uses.size());
    for (const auto& [id, count] : ValidById(uses)) all[id] += count;
  }
  EXPECT_THAT(sizes, ElementsAre(124, 500, 500, 110, 0));
  EXPECT_THAT(all, SizeIs(kKeys));
}

TEST_F(GrantUseTest, NothingIsLostOrDoubledWhileChecksGoOn) {
  constexpr int kThreads = 3;
  constexpr int kChecks = 30'000;
  constexpr uint64_t kKeys = 64;
  for (uint64_t n = 0; n < kKeys; ++n) ASSERT_TRUE(cache_.Insert(GrantOf(n)));
  std::atomic<int> running{kThreads};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kChecks; ++i) {
        // The time moves, so that addresses are written and read at once, too.
        Use(static_cast<uint64_t>(i + t) % kKeys, VerifyCode::kValid, kNow + absl::Seconds(i % 7),
            t == 0 ? "192.0.2.1" : "2001:db8::1");
      }
      --running;
    });
  }
  uint64_t sum = 0;
  const auto take = [&] {
    for (const sync::KeyUse& use : collector_.TakeRest(kNow + absl::Seconds(7))) {
      sum += use.valid;
      EXPECT_TRUE(use.last_used_address.empty() || use.last_used_address == "192.0.2.1" ||
                  use.last_used_address == "2001:db8::1")
          << use.last_used_address;
    }
  };
  while (running > 0) take();
  for (std::thread& thread : threads) thread.join();
  take();
  EXPECT_EQ(sum, uint64_t{kThreads} * kChecks);
}

TEST_F(GrantUseTest, ACopyOfAGrantHasCountedNothing) {
  CachedGrant grant;
  grant.id = IdOf(1);
  CountUse(grant, VerifyCode::kValid, {}, kNow);
  const CachedGrant copy = grant;  // NOLINT(performance-unnecessary-copy-initialization)
  EXPECT_EQ(TakeUse(copy, kNow), std::nullopt);
  EXPECT_NE(TakeUse(grant, kNow), std::nullopt);
}

}  // namespace
}  // namespace claviger::client
