#include "server/usage/usage_flusher.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/logging/log.h"
#include "storage/memory/memory_store.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_random.h"
#include "tests/support/store_testing.h"
#include "tests/unit/server/verify/blocking_store.h"

namespace claviger {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr UsedBy kBy = {.kind = "key:", .name = "00verifier000000"};

class UsageFlusherTest : public ::testing::Test {
 protected:
  UsageFlusherTest() {
    EXPECT_TRUE(CommitAndWait(*store_, Putting(TestKey(1))).ok());
    NewProcess();
  }

  // As after a restart: what was only in memory is gone.
  void NewProcess() {
    flusher_.reset();
    recorder_ = std::make_unique<UsageRecorder>();
    flusher_ = std::make_unique<UsageFlusher>(
        *recorder_, *store_, clock_,
        UsageFlusher::Hooks{.first_use =
                                [this](const KeyId& id, absl::Time time) {
                                  first_uses_.push_back(id.ToString());
                                  first_use_time_ = time;
                                },
                            .on_flush =
                                [this](const UsageFlush& flush) {
                                  ++flushes_;
                                  dropped_ += flush.dropped;
                                }});
  }

  // Key 1, replaced by key 2; its grace waits for the first use.
  void Rotate() {
    KeyRecord old = TestKey(1);
    old.rotated_to = TestKeyId(2);
    old.rotate_time = clock_.Now();
    old.pending_grace = absl::Hours(24);
    KeyRecord replacement = TestKey(2);
    replacement.rotated_from = TestKeyId(1);
    ASSERT_TRUE(CommitAndWait(*store_, Putting(old)).ok());
    ASSERT_TRUE(CommitAndWait(*store_, Putting(replacement)).ok());
  }
  void BeginGrace() {
    KeyRecord old = *store_->FindKey(TestKeyId(1)).value();
    old.pending_grace.reset();
    ASSERT_TRUE(CommitAndWait(*store_, Putting(old)).ok());
  }

  void Use(int n, VerifyCode code = VerifyCode::kValid) {
    recorder_->Count(store_->FindKey(TestKeyId(n)).value(), code, std::nullopt, kBy, clock_.Now());
  }
  uint64_t Stored(int n) {
    uint64_t sum = 0;
    const std::vector<UsageRow> rows = store_->ReadUsage(TestKeyId(n), 0, ~UsageHour{0}).value();
    for (const UsageRow& row : rows) {
      sum += row.counts.valid() + row.counts.denied();
    }
    return sum;
  }

  FakeClock clock_;
  FakeRandom random_;
  const std::unique_ptr<KeyStore> store_ =
      MemoryStore::Create({.clock = &clock_, .random = &random_}).value();
  std::unique_ptr<UsageRecorder> recorder_;
  std::unique_ptr<UsageFlusher> flusher_;
  std::vector<std::string> first_uses_;
  std::optional<absl::Time> first_use_time_;
  int flushes_ = 0;
  uint64_t dropped_ = 0;
};

TEST_F(UsageFlusherTest, FlushesEveryTenSeconds) {
  Use(1);
  flusher_->FlushIfDue();
  EXPECT_EQ(Stored(1), 0u);
  clock_.Advance(UsageFlusher::kInterval - absl::Milliseconds(1));
  flusher_->FlushIfDue();
  EXPECT_EQ(flushes_, 0);
  clock_.Advance(absl::Milliseconds(1));
  flusher_->FlushIfDue();
  EXPECT_EQ(flushes_, 1);
  EXPECT_EQ(Stored(1), 1u);
  Use(1);
  flusher_->FlushIfDue();
  EXPECT_EQ(Stored(1), 1u);
}

TEST_F(UsageFlusherTest, FlushesSoonerWhenTheRecorderFillsUp) {
  flusher_.reset();
  recorder_ = std::make_unique<UsageRecorder>(1);
  flusher_ = std::make_unique<UsageFlusher>(*recorder_, *store_, clock_, UsageFlusher::Hooks());
  Use(1);
  flusher_->FlushIfDue();
  EXPECT_EQ(Stored(1), 1u);
}

TEST_F(UsageFlusherTest, WhatTheStoreDoesNotTakeWaits) {
  BlockingStore failing(*store_);
  flusher_.reset();
  flusher_ = std::make_unique<UsageFlusher>(*recorder_, failing, clock_, UsageFlusher::Hooks());
  Use(1);
  failing.FailWith(absl::UnavailableError("full"));
  flusher_->Flush();
  EXPECT_EQ(Stored(1), 0u);
  Use(1, VerifyCode::kRevoked);
  failing.FailWith(absl::OkStatus());
  flusher_->Flush();
  EXPECT_EQ(Stored(1), 2u);
}

TEST_F(UsageFlusherTest, AStoreThatTakesNothingForLongIsLoggedOnceAndSoIsItsEnd) {
  std::vector<std::string> lines;
  log::InitWithSink({}, [&](std::string_view line) { lines.emplace_back(line); });
  BlockingStore failing(*store_);
  flusher_.reset();
  flusher_ = std::make_unique<UsageFlusher>(*recorder_, failing, clock_, UsageFlusher::Hooks());
  for (int round = 0; round < 2; ++round) {
    lines.clear();
    Use(1);
    failing.FailWith(absl::ResourceExhaustedError("full"));
    for (int flush = 0; flush < 3; ++flush) flusher_->Flush();
    EXPECT_THAT(lines, ElementsAre(HasSubstr("usage could not be stored, and waits")));
    failing.FailWith(absl::OkStatus());
    flusher_->Flush();
    flusher_->Flush();
    EXPECT_THAT(lines, ElementsAre(testing::_, HasSubstr("usage is stored again")));
  }
  log::Init({});
}

TEST_F(UsageFlusherTest, WhatIsLeftOutBecauseOfDamageIsNotCountedAgain) {
  std::vector<std::string> lines;
  log::InitWithSink({}, [&](std::string_view line) { lines.emplace_back(line); });
  BlockingStore failing(*store_);
  flusher_.reset();
  flusher_ = std::make_unique<UsageFlusher>(*recorder_, failing, clock_, UsageFlusher::Hooks());
  failing.FailWith(absl::DataLossError("000012.sst"));
  for (int flush = 0; flush < 2; ++flush) {
    Use(1);
    flusher_->Flush();
  }
  EXPECT_THAT(lines, ElementsAre(AllOf(HasSubstr("left out"), HasSubstr("000012.sst"))));
  failing.FailWith(absl::OkStatus());
  flusher_->Flush();
  EXPECT_EQ(Stored(1), 0u);
  log::Init({});
}

TEST_F(UsageFlusherTest, TellsOfChecksThatWereDropped) {
  flusher_.reset();
  recorder_ = std::make_unique<UsageRecorder>(1);
  flusher_ = std::make_unique<UsageFlusher>(
      *recorder_, *store_, clock_,
      UsageFlusher::Hooks{.first_use = nullptr, .on_flush = [this](const UsageFlush& flush) {
                            dropped_ += flush.dropped;
                          }});
  ASSERT_TRUE(CommitAndWait(*store_, Putting(TestKey(2))).ok());
  Use(1);
  Use(2);
  flusher_->Flush();
  EXPECT_EQ(dropped_, 1u);
  flusher_->Flush();
  EXPECT_EQ(dropped_, 1u);
}

TEST_F(UsageFlusherTest, TheFirstUseOfAReplacementIsToldOnce) {
  Rotate();
  Use(2, VerifyCode::kDisabled);
  flusher_->Flush();
  EXPECT_THAT(first_uses_, IsEmpty());
  Use(2);
  const absl::Time used = clock_.Now();
  clock_.Advance(absl::Seconds(3));
  flusher_->Flush();
  EXPECT_THAT(first_uses_, ElementsAre(TestKeyId(2).ToString()));
  EXPECT_EQ(first_use_time_, used);
  for (int i = 0; i < 5; ++i) {
    Use(2);
    flusher_->Flush();
  }
  EXPECT_THAT(first_uses_, ElementsAre(TestKeyId(2).ToString()));
}

TEST_F(UsageFlusherTest, AUseOfTheReplacedKeyOrOfAnyOtherIsNotTold) {
  Rotate();
  Use(1);
  flusher_->Flush();
  EXPECT_THAT(first_uses_, IsEmpty());
}

TEST_F(UsageFlusherTest, AGraceThatHasBegunIsNotToldAgainEvenAfterARestart) {
  Rotate();
  Use(2);
  flusher_->Flush();
  BeginGrace();
  NewProcess();
  Use(2);
  flusher_->Flush();
  EXPECT_THAT(first_uses_, ElementsAre(TestKeyId(2).ToString()));
}

TEST_F(UsageFlusherTest, AProcessThatDiedBeforeTheGraceBeganIsMadeGoodByTheNext) {
  Rotate();
  Use(2);
  flusher_->Flush();
  NewProcess();
  Use(2);
  flusher_->Flush();
  EXPECT_THAT(first_uses_, ElementsAre(TestKeyId(2).ToString(), TestKeyId(2).ToString()));
}

TEST_F(UsageFlusherTest, AGraceThatDoesNotBeginIsToldAgainAfterAMinute) {
  Rotate();
  Use(2);
  flusher_->Flush();
  clock_.Advance(UsageFlusher::kTellAgain);
  Use(2);
  flusher_->Flush();
  EXPECT_EQ(first_uses_.size(), 2u);
}

}  // namespace
}  // namespace claviger
