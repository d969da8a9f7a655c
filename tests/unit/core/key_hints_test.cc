#include "core/key_hints.h"

#include <atomic>
#include <thread>
#include <vector>

#include "fmt/format.h"
#include "gtest/gtest.h"
#include "tests/support/store_testing.h"

namespace claviger {
namespace {

KeyHash HashOf(int n) { return HashKey(fmt::format("text {}", n)); }

TEST(KeyHintsTest, LeadsFromATextToItsKey) {
  KeyHints hints(1000);
  EXPECT_EQ(hints.Find(HashOf(1)), std::nullopt);
  hints.Put(HashOf(1), TestKeyId(1));
  hints.Put(HashOf(2), TestKeyId(2));
  EXPECT_EQ(hints.Find(HashOf(1)), TestKeyId(1));
  EXPECT_EQ(hints.Find(HashOf(2)), TestKeyId(2));
  EXPECT_EQ(hints.Find(HashOf(3)), std::nullopt);
}

TEST(KeyHintsTest, TheLastWordCounts) {
  KeyHints hints(1000);
  hints.Put(HashOf(1), TestKeyId(1));
  hints.Put(HashOf(1), TestKeyId(2));
  EXPECT_EQ(hints.Find(HashOf(1)), TestKeyId(2));
}

TEST(KeyHintsTest, HoldsNoMoreThanItsCapacityAndForgetsWhatNobodyLooksFor) {
  constexpr int kCapacity = 256;
  KeyHints hints(kCapacity);
  hints.Put(HashOf(0), *KeyId::Parse("00zero0000000000"));
  for (int n = 1; n < 10'000; ++n) {
    // Found between any two that could push it out.
    ASSERT_EQ(hints.Find(HashOf(0)), *KeyId::Parse("00zero0000000000")) << n;
    hints.Put(HashOf(n), TestKeyId(n));
  }
  int found = 0;
  for (int n = 0; n < 10'000; ++n) found += hints.Find(HashOf(n)).has_value() ? 1 : 0;
  EXPECT_LE(found, kCapacity);
  EXPECT_GT(found, kCapacity / 2);
}

TEST(KeyHintsTest, ThreadsThatWriteAndReadAtOnceFindIdsThatWereWritten) {
  constexpr int kTexts = 600;
  KeyHints hints(256);
  std::vector<std::thread> threads;
  std::atomic<int> found{0};
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 20'000; ++i) {
        const int n = (i * 7 + t) % kTexts;
        hints.Put(HashOf(n), TestKeyId(n + 1));
        const std::optional<KeyId> id = hints.Find(HashOf(n));
        found += id == TestKeyId(n + 1) ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_GT(found, 0);
}

}  // namespace
}  // namespace claviger
