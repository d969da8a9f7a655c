#include "server/verify/record_cache.h"

#include <atomic>
#include <thread>

#include "absl/synchronization/notification.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "storage/memory/memory_store.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_random.h"
#include "tests/support/store_testing.h"
#include "tests/unit/server/verify/blocking_store.h"

namespace claviger {
namespace {

constexpr size_t kRoomy = 64 * 100;

class RecordCacheTest : public ::testing::Test {
 protected:
  RecordCacheTest()
      : memory_(*MemoryStore::Create({.clock = &clock_, .random = &random_, .commit = {}})),
        store_(*memory_) {}
  ~RecordCacheTest() override { memory_->Close(); }

  RecordCache& NewCache(size_t capacity) {
    cache_ = std::make_unique<RecordCache>(store_, capacity);
    return *cache_;
  }
  // REQUIRES: nothing was put yet.
  RecordCache& NewListeningCache(size_t capacity) {
    memory_->AddListener(&NewCache(capacity));
    return *cache_;
  }

  void Fill(int count) {
    for (int n = 1; n <= count; ++n) Put(TestKey(n));
  }

  void Put(const KeyRecord& key) { ASSERT_TRUE(CommitAndWait(store_, Putting(key)).ok()); }

  void Rename(int n, const std::string& name) {
    KeyRecord key = TestKey(n);
    key.display_name = name;
    Put(key);
  }

  static std::string NameOf(RecordCache& cache, int n) {
    const auto found = cache.Find(TestKeyId(n));
    return found.ok() && found->key != nullptr ? found->key->record().display_name : "";
  }

  FakeClock clock_;
  FakeRandom random_;
  std::unique_ptr<MemoryStore> memory_;
  BlockingStore store_;
  std::unique_ptr<RecordCache> cache_;
};

TEST_F(RecordCacheTest, TheSecondLookupIsAHit) {
  Fill(1);
  RecordCache& cache = NewCache(kRoomy);
  const auto first = cache.Find(TestKeyId(1));
  ASSERT_TRUE(first.ok());
  EXPECT_FALSE(first->hit);
  EXPECT_EQ(first->key->record().id, TestKeyId(1));
  const auto second = cache.Find(TestKeyId(1));
  EXPECT_TRUE(second->hit);
  EXPECT_EQ(second->key, first->key);
  EXPECT_EQ(cache.size(), 1u);
}

TEST_F(RecordCacheTest, AKeyThatDoesNotExistTakesNoRoom) {
  RecordCache& cache = NewCache(kRoomy);
  const auto found = cache.Find(TestKeyId(1));
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(found->key, nullptr);
  EXPECT_FALSE(found->hit);
  EXPECT_EQ(cache.size(), 0u);
}

TEST_F(RecordCacheTest, AStoreThatCannotAnswerIsNotANo) {
  RecordCache& cache = NewCache(kRoomy);
  store_.FailWith(absl::UnavailableError("no disk"));
  EXPECT_EQ(cache.Find(TestKeyId(1)).status(), absl::UnavailableError("no disk"));
}

TEST_F(RecordCacheTest, HoldsAtMostWhatItMayAndStillAnswers) {
  constexpr size_t kCapacity = 64 * 4;
  Fill(2000);
  RecordCache& cache = NewCache(kCapacity);
  for (int round = 0; round < 2; ++round) {
    for (int n = 1; n <= 2000; ++n) ASSERT_EQ(NameOf(cache, n), TestKey(n).display_name);
    EXPECT_LE(cache.size(), kCapacity);
  }
  EXPECT_GT(cache.size(), kCapacity / 2);
}

TEST_F(RecordCacheTest, CommitsRespectTheBoundToo) {
  RecordCache& cache = NewListeningCache(1);
  Fill(1000);
  EXPECT_LE(cache.size(), 64u);  // one for each shard
}

TEST_F(RecordCacheTest, AKeyInUseOutlivesThoseSeenOnce) {
  constexpr size_t kCapacity = 64 * 8;
  Fill(4000);
  RecordCache& cache = NewCache(kCapacity);
  NameOf(cache, 1);
  int misses = 0;
  for (int n = 2; n <= 4000; ++n) {
    NameOf(cache, n);
    if (!cache.Find(TestKeyId(1))->hit) ++misses;
  }
  EXPECT_EQ(misses, 0);
}

TEST_F(RecordCacheTest, ACommittedChangeIsSeenAtOnce) {
  RecordCache& cache = NewListeningCache(kRoomy);
  Fill(1);
  EXPECT_TRUE(cache.Find(TestKeyId(1))->hit);
  Rename(1, "new");
  EXPECT_EQ(NameOf(cache, 1), "new");
  EXPECT_EQ(cache.applied_revision(), memory_->applied_revision());
}

TEST_F(RecordCacheTest, StartsAtTheRevisionOfItsStore) {
  Fill(3);
  EXPECT_EQ(NewCache(kRoomy).applied_revision(), Revision{3});
}

// The race that a cache must not lose: read, change, insert.
TEST_F(RecordCacheTest, ARecordReadBeforeAChangeIsNotInsertedAfterIt) {
  Fill(1);
  // Does not listen: the test tells it of the change while a reader holds the old record.
  RecordCache& cache = NewCache(kRoomy);
  absl::Notification was_read;
  absl::Notification may_return;
  store_.AfterFindKey([&] {
    if (was_read.HasBeenNotified()) return;
    was_read.Notify();
    may_return.WaitForNotification();
  });
  std::thread reader([&] { EXPECT_EQ(NameOf(cache, 1), "key 1"); });
  was_read.WaitForNotification();
  KeyRecord changed = TestKey(1);
  changed.display_name = "new";
  Committed committed;
  committed.revision = Revision{2};
  committed.changed = true;
  committed.keys = {std::make_shared<const KeyRecord>(changed)};
  cache.OnCommitted({&committed, 1});
  may_return.Notify();
  reader.join();
  EXPECT_EQ(NameOf(cache, 1), "new");
  EXPECT_TRUE(cache.Find(TestKeyId(1))->hit);
}

TEST_F(RecordCacheTest, ReadersSeeNoRevisionThatTheyDoNotReflect) {
  constexpr int kChanges = 400;
  constexpr int kKeys = 4;
  RecordCache& cache = NewListeningCache(kRoomy);
  Fill(kKeys);
  // Change number c gives key 1 + c % kKeys the name c.
  const uint64_t first = cache.applied_revision().value;
  std::atomic<bool> stop = false;
  std::vector<std::jthread> readers;
  for (int i = 0; i < 4; ++i) {
    readers.emplace_back([&] {
      while (!stop) {
        const uint64_t changes = cache.applied_revision().value - first;
        for (int k = 0; k < kKeys; ++k) {
          // The last change of key 1 + k among the first `changes`.
          if (changes < static_cast<uint64_t>(kKeys)) continue;
          const int least = static_cast<int>(changes - 1 - (changes - 1 - k) % kKeys);
          EXPECT_GE(std::stoi(NameOf(cache, 1 + k)), least);
        }
      }
    });
  }
  for (int c = 0; c < kChanges; ++c) Rename(1 + c % kKeys, std::to_string(c));
  stop = true;
}

TEST_F(RecordCacheTest, AMatchIsRememberedUntilTheRecordChanges) {
  RecordCache& cache = NewListeningCache(kRoomy);
  Fill(1);
  const KeyHash right = HashKey("right");
  const auto key = cache.Find(TestKeyId(1))->key;
  EXPECT_FALSE(key->RemembersMatch(right));
  key->RememberMatch(right);
  EXPECT_TRUE(key->RemembersMatch(right));
  EXPECT_FALSE(key->RemembersMatch(HashKey("wrong")));
  EXPECT_TRUE(cache.Find(TestKeyId(1))->key->RemembersMatch(right));
  Rename(1, "new");
  EXPECT_FALSE(cache.Find(TestKeyId(1))->key->RemembersMatch(right));
}

}  // namespace
}  // namespace claviger
