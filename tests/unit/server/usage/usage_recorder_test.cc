#include "server/usage/usage_recorder.h"

#include <map>
#include <memory>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/allocation_counter.h"
#include "tests/support/store_testing.h"

namespace claviger {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr UsedBy kOrders = {.kind = "cert:", .name = "dns:orders.internal.example.com"};

std::shared_ptr<const KeyRecord> MakeKey(int n) {
  return std::make_shared<const KeyRecord>(TestKey(n, "web"));
}

class UsageRecorderTest : public ::testing::Test {
 protected:
  const absl::Time now_ = absl::FromUnixSeconds(1893456000);
  const std::shared_ptr<const KeyRecord> key_ = MakeKey(1);
  UsageRecorder recorder_;

  void Count(const std::shared_ptr<const KeyRecord>& key, VerifyCode code, absl::Time time,
             const char* address = "192.0.2.1") {
    recorder_.Count(key, code, IpAddress::Parse(address), kOrders, time);
  }
};

TEST_F(UsageRecorderTest, CountsByOutcome) {
  Count(key_, VerifyCode::kValid, now_);
  Count(key_, VerifyCode::kValid, now_);
  Count(key_, VerifyCode::kRevoked, now_);
  const std::vector<RecordedUse> uses = recorder_.TakeAll();
  ASSERT_THAT(uses, SizeIs(1));
  EXPECT_EQ(uses[0].key, key_);
  EXPECT_EQ(uses[0].delta.key_id, key_->id);
  EXPECT_EQ(uses[0].delta.project_id, "web");
  EXPECT_EQ(uses[0].delta.hour, HourOf(now_));
  EXPECT_EQ(uses[0].delta.counts.valid(), 2u);
  EXPECT_EQ(uses[0].delta.counts.Of(VerifyCode::kRevoked), 1u);
  EXPECT_EQ(uses[0].delta.counts.denied(), 1u);
}

TEST_F(UsageRecorderTest, TheLatestGoodCheckIsTheLastUse) {
  Count(key_, VerifyCode::kValid, now_, "192.0.2.1");
  Count(key_, VerifyCode::kValid, now_ + absl::Seconds(2), "2001:db8::1");
  Count(key_, VerifyCode::kValid, now_ + absl::Seconds(1), "192.0.2.3");
  Count(key_, VerifyCode::kDisabled, now_ + absl::Seconds(3), "192.0.2.4");
  const std::vector<RecordedUse> uses = recorder_.TakeAll();
  ASSERT_THAT(uses, SizeIs(1));
  EXPECT_EQ(uses[0].delta.last_use, (LastUse{now_ + absl::Seconds(2), "2001:db8::1",
                                             "cert:dns:orders.internal.example.com"}));
}

TEST_F(UsageRecorderTest, ADenialIsNoUse) {
  Count(key_, VerifyCode::kExpired, now_);
  const std::vector<RecordedUse> uses = recorder_.TakeAll();
  ASSERT_THAT(uses, SizeIs(1));
  EXPECT_EQ(uses[0].delta.last_use, std::nullopt);
}

TEST_F(UsageRecorderTest, HoursAreKeptApart) {
  Count(key_, VerifyCode::kValid, now_ - absl::Nanoseconds(1));
  Count(key_, VerifyCode::kValid, now_);
  std::map<UsageHour, uint64_t> counts;
  for (const RecordedUse& use : recorder_.TakeAll()) {
    counts[use.delta.hour] += use.delta.counts.valid();
  }
  EXPECT_EQ(counts, (std::map<UsageHour, uint64_t>{{HourOf(now_) - 1, 1}, {HourOf(now_), 1}}));
}

TEST_F(UsageRecorderTest, WhatIsTakenIsGone) {
  Count(key_, VerifyCode::kValid, now_);
  EXPECT_THAT(recorder_.TakeAll(), SizeIs(1));
  EXPECT_THAT(recorder_.TakeAll(), IsEmpty());
  Count(key_, VerifyCode::kRevoked, now_);
  const std::vector<RecordedUse> uses = recorder_.TakeAll();
  ASSERT_THAT(uses, SizeIs(1));
  EXPECT_EQ(uses[0].delta.counts.valid(), 0u);
  EXPECT_EQ(uses[0].delta.last_use, std::nullopt);
}

TEST_F(UsageRecorderTest, ManyKeysAreTakenAndForgottenWhenIdle) {
  constexpr int kKeys = 1000;
  for (int n = 1; n <= kKeys; ++n) Count(MakeKey(n), VerifyCode::kValid, now_);
  EXPECT_THAT(recorder_.TakeAll(), SizeIs(kKeys));
  // Every other one again: those between are dropped meanwhile, and the rest is found in its place.
  for (int n = 1; n <= kKeys; n += 2) Count(MakeKey(n), VerifyCode::kValid, now_);
  EXPECT_THAT(recorder_.TakeAll(), SizeIs(kKeys / 2));
  for (int n = 1; n <= kKeys; ++n) Count(MakeKey(n), VerifyCode::kValid, now_);
  std::map<KeyId, uint64_t> counts;
  for (const RecordedUse& use : recorder_.TakeAll()) {
    counts[use.delta.key_id] += use.delta.counts.valid();
  }
  EXPECT_THAT(counts, SizeIs(kKeys));
  for (const auto& [id, count] : counts) EXPECT_EQ(count, 1u) << id.text();
}

TEST_F(UsageRecorderTest, WhatThereIsNoRoomForIsDroppedAndCounted) {
  UsageRecorder small(1);  // one key for each thread
  small.Count(key_, VerifyCode::kValid, {}, kOrders, now_);
  EXPECT_TRUE(small.crowded());
  small.Count(MakeKey(2), VerifyCode::kValid, {}, kOrders, now_);
  UsageCounts counts;
  counts.Add(VerifyCode::kValid, 5);
  small.Add(MakeKey(3), counts, std::nullopt, now_);
  EXPECT_EQ(small.dropped(), 6u);
  EXPECT_THAT(small.TakeAll(), SizeIs(1));
  EXPECT_FALSE(small.crowded());
  // Idle since: its room is another's.
  EXPECT_THAT(small.TakeAll(), IsEmpty());
  small.Count(MakeKey(2), VerifyCode::kValid, {}, kOrders, now_);
  EXPECT_THAT(small.TakeAll(), SizeIs(1));
}

TEST_F(UsageRecorderTest, ReportsAddToWhatIsCountedHere) {
  Count(key_, VerifyCode::kValid, now_);
  UsageCounts counts;
  counts.Add(VerifyCode::kValid, 10);
  counts.Add(VerifyCode::kInsufficientScope, 4);
  recorder_.Add(key_, counts, LastUse{now_ - absl::Seconds(5), "192.0.2.9", "key:old"}, now_);
  std::vector<RecordedUse> uses = recorder_.TakeAll();
  ASSERT_THAT(uses, SizeIs(1));
  EXPECT_EQ(uses[0].delta.counts.valid(), 11u);
  EXPECT_EQ(uses[0].delta.counts.Of(VerifyCode::kInsufficientScope), 4u);
  EXPECT_EQ(uses[0].delta.last_use->time, now_);
  recorder_.Add(key_, counts, LastUse{now_ - absl::Seconds(5), "", "key:old"}, now_);
  uses = recorder_.TakeAll();
  EXPECT_EQ(uses[0].delta.last_use, (LastUse{now_ - absl::Seconds(5), "", "key:old"}));
}

TEST_F(UsageRecorderTest, NothingIsLostBetweenThreadsAndTakings) {
  constexpr int kThreads = 4;
  constexpr int kChecks = 20'000;
  std::vector<std::shared_ptr<const KeyRecord>> keys;
  for (int n = 1; n <= 300; ++n) keys.push_back(MakeKey(n));
  std::atomic<int> running{kThreads};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kChecks; ++i) {
        recorder_.Count(keys[static_cast<size_t>(i * 7 + t) % keys.size()], VerifyCode::kValid, {},
                        kOrders, now_);
      }
      --running;
    });
  }
  uint64_t sum = 0;
  const auto take = [&] {
    for (const RecordedUse& use : recorder_.TakeAll()) sum += use.delta.counts.valid();
  };
  while (running > 0) take();
  for (std::thread& thread : threads) thread.join();
  take();
  EXPECT_EQ(sum, uint64_t{kThreads} * kChecks);
}

TEST_F(UsageRecorderTest, AKeyThatIsCheckedAgainAndAgainAllocatesNothing) {
  if (!AllocationsAreCounted()) GTEST_SKIP() << "ThreadSanitizer's own operator new is in use";
  Count(key_, VerifyCode::kValid, now_);
  recorder_.TakeAll();
  Count(key_, VerifyCode::kValid, now_);
  const size_t before = AllocationsOfThisThread();
  for (int i = 0; i < 100; ++i) {
    recorder_.Count(key_, VerifyCode::kValid, std::nullopt, kOrders, now_ + absl::Seconds(i));
    recorder_.Count(key_, VerifyCode::kRevoked, std::nullopt, kOrders, now_);
  }
  EXPECT_EQ(AllocationsOfThisThread(), before);
}

}  // namespace
}  // namespace claviger
