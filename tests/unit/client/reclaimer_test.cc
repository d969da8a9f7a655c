#include "client/src/reclaimer.h"

#include <atomic>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "absl/synchronization/notification.h"
#include "gtest/gtest.h"

namespace claviger::client {
namespace {

using Guard = Reclaimer::ReadGuard;

// An object that counts its end.
struct Tracked {
  explicit Tracked(std::atomic<int>& counter) : freed(counter) {}
  std::atomic<int>& freed;

  static void Destroy(void* object) {
    std::unique_ptr<Tracked> tracked(static_cast<Tracked*>(object));
    tracked->freed.fetch_add(1);
  }
};

class ReclaimerTest : public testing::Test {
 protected:
  void RetireOne() { reclaimer_.Retire(new Tracked(freed_), &Tracked::Destroy); }

  std::atomic<int> freed_{0};
  Reclaimer reclaimer_;
};

TEST_F(ReclaimerTest, CollectFreesWhatNobodyReads) {
  RetireOne();
  EXPECT_EQ(reclaimer_.pending(), 1U);
  reclaimer_.Collect();
  EXPECT_EQ(freed_, 1);
  EXPECT_EQ(reclaimer_.pending(), 0U);
}

TEST_F(ReclaimerTest, AReaderThatBeganBeforeKeepsIt) {
  {
    Guard guard(reclaimer_);
    RetireOne();
    reclaimer_.Collect();
    EXPECT_EQ(freed_, 0);
  }
  reclaimer_.Collect();
  EXPECT_EQ(freed_, 1);
}

TEST_F(ReclaimerTest, AReaderThatBeganAfterwardsDoesNotKeepIt) {
  RetireOne();
  Guard guard(reclaimer_);
  RetireOne();
  reclaimer_.Collect();
  EXPECT_EQ(freed_, 1);
  EXPECT_EQ(reclaimer_.pending(), 1U);
}

TEST_F(ReclaimerTest, TheOutermostGuardOfAThreadCounts) {
  std::optional<Guard> outer(std::in_place, reclaimer_);
  { Guard inner(reclaimer_); }
  RetireOne();
  reclaimer_.Collect();
  EXPECT_EQ(freed_, 0);
  outer.reset();
  reclaimer_.Collect();
  EXPECT_EQ(freed_, 1);
}

TEST_F(ReclaimerTest, AReaderOnAnotherThreadKeepsIt) {
  absl::Notification inside, leave;
  std::thread reader([&] {
    Guard guard(reclaimer_);
    inside.Notify();
    leave.WaitForNotification();
  });
  inside.WaitForNotification();
  RetireOne();
  reclaimer_.Collect();
  EXPECT_EQ(freed_, 0);
  leave.Notify();
  reader.join();
  reclaimer_.Collect();
  EXPECT_EQ(freed_, 1);
}

TEST_F(ReclaimerTest, RetireCollectsByItself) {
  constexpr size_t kMany = 1'000;
  for (size_t i = 0; i < kMany; ++i) RetireOne();
  EXPECT_LT(reclaimer_.pending(), 100U);
  EXPECT_EQ(static_cast<size_t>(freed_.load()) + reclaimer_.pending(), kMany);
}

TEST_F(ReclaimerTest, TheEndFreesWhatIsPending) {
  {
    Reclaimer reclaimer;
    reclaimer.Retire(new Tracked(freed_), &Tracked::Destroy);
    EXPECT_EQ(freed_, 0);
  }
  EXPECT_EQ(freed_, 1);
}

TEST_F(ReclaimerTest, TheSlotOfAThreadThatEndedIsUsedAgain) {
  for (int i = 0; i < 100; ++i) {
    std::thread([this] { Guard guard(reclaimer_); }).join();
  }
  EXPECT_EQ(reclaimer_.slots(), 1U);
}

TEST_F(ReclaimerTest, AThreadMayOutliveTheReclaimerItReadUnder) {
  auto reclaimer = std::make_unique<Reclaimer>();
  absl::Notification read, gone;
  std::thread reader([&] {
    { Guard guard(*reclaimer); }
    read.Notify();
    gone.WaitForNotification();
    Guard guard(reclaimer_);  // forgets the one that is gone
  });
  read.WaitForNotification();
  reclaimer.reset();
  gone.Notify();
  reader.join();
  EXPECT_EQ(reclaimer_.slots(), 1U);
}

TEST_F(ReclaimerTest, ReclaimersDoNotHoldEachOthersObjects) {
  Reclaimer other;
  Guard guard(other);
  RetireOne();
  other.Retire(new Tracked(freed_), &Tracked::Destroy);
  reclaimer_.Collect();
  other.Collect();
  EXPECT_EQ(freed_, 1);
  EXPECT_EQ(other.pending(), 1U);
}

// Readers check a mark that freeing wipes; the sanitizers check the rest.
TEST(ReclaimerStressTest, ReadersNeverSeeWhatWasFreed) {
  constexpr uint64_t kAlive = 0x616c697665;
  struct Node {
    std::atomic<uint64_t> mark{kAlive};
    static void Destroy(void* object) {
      std::unique_ptr<Node> node(static_cast<Node*>(object));
      node->mark.store(0);
    }
  };
  constexpr int kSwaps = 20'000;
  Reclaimer reclaimer;
  std::atomic<Node*> shared{new Node};
  std::atomic<bool> done{false};
  std::atomic<int> wrong{0};
  const auto read = [&] {
    Guard guard(reclaimer);
    if (shared.load(std::memory_order_seq_cst)->mark.load() != kAlive) wrong.fetch_add(1);
  };

  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      while (!done.load()) read();
    });
  }
  // Threads that come and go.
  std::thread visitors([&] {
    while (!done.load()) std::thread(read).join();
  });
  std::vector<std::thread> writers;
  for (int i = 0; i < 2; ++i) {
    writers.emplace_back([&] {
      for (int swap = 0; swap < kSwaps; ++swap) {
        reclaimer.Retire(shared.exchange(new Node, std::memory_order_seq_cst), &Node::Destroy);
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  done.store(true);
  for (std::thread& reader : readers) reader.join();
  visitors.join();

  EXPECT_EQ(wrong, 0);
  reclaimer.Collect();
  EXPECT_EQ(reclaimer.pending(), 0U);
  delete shared.load();
}

}  // namespace
}  // namespace claviger::client
