#include "core/key_hints.h"

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

}  // namespace
}  // namespace claviger
