// Real threads against the promises of GrantCache and InsertFence. Worth most under TSan.
#include <array>
#include <atomic>
#include <cstdint>
#include <random>
#include <thread>
#include <vector>

#include "client/src/grant_cache.h"
#include "client/src/insert_fence.h"
#include "client/src/negative_cache.h"
#include "client/src/verifier_view.h"
#include "gtest/gtest.h"
#include "tests/unit/client/grant_testing.h"

namespace claviger::client {
namespace {

// Runs `body(random)` on `count` threads until `work` returns.
template <typename Body, typename Work>
void RunBeside(int count, Body body, Work work) {
  std::atomic<bool> done{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < count; ++i) {
    threads.emplace_back([&done, &body, i] {
      std::mt19937 random(i);
      while (!done.load(std::memory_order_relaxed)) body(random);
    });
  }
  work();
  done.store(true);
  for (std::thread& thread : threads) thread.join();
}

TEST(GrantCacheStressTest, NoReaderSeesAnEntryAfterItsEvictionReturned) {
  constexpr uint64_t kKeys = 64;
  constexpr uint64_t kRounds = 300;
  GrantCache cache({.max_entries = 48});  // so that CLOCK evicts beside
  // By key: every revision up to here was evicted.
  std::array<std::atomic<uint64_t>, kKeys> evicted{};
  std::atomic<uint64_t> found{0}, wrong{0};

  const auto read = [&](std::mt19937& random) {
    const uint64_t n = random() % kKeys;
    const uint64_t floor = evicted[n].load(std::memory_order_acquire);
    GrantCache::Reader reader(cache);
    const GrantEntry* entry = reader.Find(IdOf(n));
    if (entry == nullptr) return;
    found.fetch_add(1, std::memory_order_relaxed);
    if (entry->revision().value <= floor || entry->grant()->id != IdOf(n)) wrong.fetch_add(1);
  };
  const auto write = [&](uint64_t first, uint64_t step, bool by_project) {
    for (uint64_t round = 1; round <= kRounds; ++round) {
      for (uint64_t n = first; n < kKeys; n += step) {
        const std::string project = by_project ? fmt::format("p{}", n) : "web";
        cache.Insert(GrantOf(n, round, project));
        if (by_project) {
          cache.EvictProject(project);
        } else {
          cache.Evict(IdOf(n));
        }
        evicted[n].store(round, std::memory_order_release);
      }
    }
  };
  RunBeside(3, read, [&] {
    std::thread other([&] { write(0, 2, false); });
    write(1, 2, true);
    other.join();
  });
  EXPECT_EQ(wrong, 0U);
  EXPECT_GT(found, 0U);
  EXPECT_EQ(cache.entries(), 0U);
}

TEST(GrantCacheStressTest, NoReaderSeesAnEntryAfterItsFlushReturned) {
  constexpr uint64_t kKeys = 16;
  GrantCache cache({});
  std::atomic<uint64_t> flushed{0}, wrong{0};
  const auto read = [&](std::mt19937& random) {
    const uint64_t floor = flushed.load(std::memory_order_acquire);
    GrantCache::Reader reader(cache);
    const GrantEntry* entry = reader.Find(IdOf(random() % kKeys));
    if (entry != nullptr && entry->revision().value <= floor) wrong.fetch_add(1);
  };
  RunBeside(3, read, [&] {
    for (uint64_t round = 1; round <= 3'000; ++round) {
      for (uint64_t n = 0; n < kKeys; ++n) cache.Insert(GrantOf(n, round));
      cache.Flush();
      flushed.store(round, std::memory_order_release);
    }
  });
  EXPECT_EQ(wrong, 0U);
}

TEST(GrantCacheStressTest, TheBoundsHoldWhileManyInsert) {
  constexpr size_t kMaxEntries = 100;
  constexpr size_t kMaxBytes = 40'000;
  GrantCache cache({.max_entries = kMaxEntries, .max_bytes = kMaxBytes});
  const auto insert = [&](std::mt19937& random) {
    cache.Insert(GrantOf(random() % 1'000));
    if (random() % 16 == 0) cache.Evict(IdOf(random() % 1'000));
    Has(cache, random() % 1'000);
  };
  RunBeside(3, insert, [&] {
    std::mt19937 random(99);
    for (int i = 0; i < 30'000; ++i) insert(random);
  });
  // What is counted while an insertion looks for room is not linked yet: exact when all is quiet.
  uint64_t linked = 0;
  for (uint64_t n = 0; n < 1'000; ++n) linked += Has(cache, n) ? 1 : 0;
  EXPECT_EQ(linked, cache.entries());
  EXPECT_LE(cache.entries(), kMaxEntries);
  EXPECT_LE(cache.bytes(), kMaxBytes);
}

// I3 with threads: answers are computed before a revoke, and inserted whenever it happens to be.
TEST(InsertFenceStressTest, NoAnswerFromBeforeAnInvalidationLandsBehindIt) {
  constexpr uint64_t kRevokes = 5'000;
  constexpr uint64_t kKeys = 4;
  const VerifierView view;
  GrantCache grants({});
  NegativeCache negatives;
  InsertFence fence(view, grants, negatives);
  const Epoch epoch = EpochOf(1);
  fence.Apply({.flush = true, .epoch = epoch, .position = {0}});

  // The authority: revision r changes key r % kKeys. An answer's revision is read before its state.
  std::atomic<uint64_t> committed{0};
  const auto ask_and_insert = [&](std::mt19937& random) {
    const uint64_t revision = committed.load(std::memory_order_acquire);
    fence.Insert(GrantOf(random() % kKeys, revision), epoch);
  };
  uint64_t wrong = 0;
  RunBeside(3, ask_and_insert, [&] {
    for (uint64_t revision = 1; revision <= kRevokes; ++revision) {
      const uint64_t n = revision % kKeys;
      committed.store(revision, std::memory_order_release);
      fence.Apply({.items = {sync::KeyItem{IdOf(n)}}, .epoch = epoch, .position = {revision}});
      GrantCache::Reader reader(grants);
      const GrantEntry* entry = reader.Find(IdOf(n));
      if (entry != nullptr && entry->revision().value < revision) ++wrong;
    }
  });
  EXPECT_EQ(wrong, 0U);
  EXPECT_EQ(fence.position(), Revision{kRevokes});
}

}  // namespace
}  // namespace claviger::client
