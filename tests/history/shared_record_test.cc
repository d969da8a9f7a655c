#include "tests/history/shared_record.h"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/temp_dir.h"

namespace claviger::history {
namespace {

constexpr SharedRecord::Shape kShape = {.keys = 10, .slots = 3, .processes = 2, .threads = 2};

class SharedRecordTest : public testing::Test {
 protected:
  SharedRecordTest() : record_(std::move(SharedRecord::Create(path_, kShape).value())) {}

  std::unique_ptr<SharedRecord> OpenAgain() const {
    return std::move(SharedRecord::Open(path_).value());
  }

  const TempDir dir_;
  const std::string path_ = dir_.Join("record");
  const std::unique_ptr<SharedRecord> record_;
};

TEST_F(SharedRecordTest, AnotherProcessFindsTheKeysInTheirSlots) {
  const auto other = OpenAgain();
  EXPECT_EQ(other->shape().keys, kShape.keys);
  EXPECT_EQ(other->KeyIn(2), std::nullopt);
  record_->PutKey(7, "a key");
  record_->SetSlot(2, 7);
  ASSERT_EQ(other->KeyIn(2), 7u);
  EXPECT_EQ(other->KeyText(7), "a key");
  record_->SetSlot(2, std::nullopt);
  EXPECT_EQ(other->KeyIn(2), std::nullopt);
}

TEST_F(SharedRecordTest, TheLatestAcceptAndTheEarliestDenialAreKept) {
  for (const int at : {5, 9, 2}) {
    record_->NoteAccepted(1, 3, absl::Seconds(at));
    record_->NoteDenied(1, 3, absl::Seconds(at));
  }
  EXPECT_EQ(record_->SeenBy(1, 3).last_accepted_start, absl::Seconds(9));
  EXPECT_EQ(record_->SeenBy(1, 3).first_denied_end, absl::Seconds(2));
  for (const auto& [process, key] : {std::pair(0, 3), std::pair(1, 4)}) {
    const Seen seen = record_->SeenBy(static_cast<uint32_t>(process), static_cast<uint32_t>(key));
    EXPECT_EQ(seen.last_accepted_start, -absl::InfiniteDuration());
    EXPECT_EQ(seen.first_denied_end, absl::InfiniteDuration());
  }
}

TEST_F(SharedRecordTest, ThreadsThatNoteAtOnceLoseNothing) {
  constexpr int kEach = 20'000;
  std::vector<std::thread> threads;
  for (uint32_t thread = 0; thread < kShape.threads; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 1; i <= kEach; ++i) {
        record_->NoteAccepted(0, 0, absl::Nanoseconds(i * 2 + static_cast<int>(thread)));
        record_->Count(0, thread, DecisionCode::kValid, i % 2 == 0);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(record_->SeenBy(0, 0).last_accepted_start, absl::Nanoseconds(kEach * 2 + 1));
  EXPECT_EQ(record_->CountsOf(0).total(), 2u * kEach);
  EXPECT_EQ(record_->CountsOf(0).from_cache, 1u * kEach);
  EXPECT_EQ(record_->CountsOf(1).total(), 0u);
}

TEST_F(SharedRecordTest, WhatAKilledProcessNotedIsThere) {
  const pid_t child = fork();
  if (child == 0) {
    record_->NoteAccepted(1, 9, absl::Seconds(4));
    record_->Count(1, 1, DecisionCode::kValid, true);
    raise(SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(record_->SeenBy(1, 9).last_accepted_start, absl::Seconds(4));
  EXPECT_EQ(record_->CountsOf(1).by_code[static_cast<size_t>(DecisionCode::kValid)], 1u);
}

TEST_F(SharedRecordTest, StopIsSeenByAll) {
  const auto other = OpenAgain();
  EXPECT_FALSE(other->stopped());
  record_->Stop();
  EXPECT_TRUE(other->stopped());
}

TEST_F(SharedRecordTest, OnlyARecordIsOpened) {
  EXPECT_FALSE(SharedRecord::Open(dir_.Join("nothing")).ok());
  EXPECT_FALSE(SharedRecord::Open(dir_.Write("short", "too short")).ok());
  EXPECT_FALSE(SharedRecord::Open(dir_.Write("zeros", std::string(8192, '\0'))).ok());
  EXPECT_FALSE(SharedRecord::Create(path_, kShape).ok()) << "is there already";
}

}  // namespace
}  // namespace claviger::history
