#include "core/key_format.h"

#include <array>
#include <random>
#include <set>
#include <string>
#include <utility>

#include "core/platform/system_random.h"
#include "core/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/fake_random.h"

namespace claviger {
namespace {

constexpr std::string_view kBase62 =
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

KeyId SomeId() { return *KeyId::Parse("00Yx3kTq7LmNp0aB"); }

std::string NewKey(uint32_t seed = 1) {
  FakeRandom random(seed);
  return std::string(
      GenerateKey("clv", Environment::kLive, SomeId(), random).value().ExposeSecret());
}

TEST(KeyIdTest, ParsesExactly16Base62Characters) {
  EXPECT_EQ(SomeId().text(), "00Yx3kTq7LmNp0aB");
  EXPECT_EQ(SomeId().ToString(), "00Yx3kTq7LmNp0aB");
  for (const std::string& text : {std::string(), std::string(15, 'a'), std::string(17, 'a'),
                                  std::string("00Yx3kTq7LmNp0a-"), std::string("00Yx3kTq7LmNp0a_"),
                                  std::string(16, '\0'), std::string("00Yx3kTq7LmNp0\u00E9")}) {
    EXPECT_EQ(KeyId::Parse(text), std::nullopt) << text;
  }
}

TEST(KeyIdTest, OrdersAndComparesLikeItsText) {
  EXPECT_LT(*KeyId::Parse("0000000000000001"), *KeyId::Parse("000000000000000A"));
  EXPECT_LT(*KeyId::Parse("000000000000000Z"), *KeyId::Parse("000000000000000a"));
  EXPECT_EQ(KeyId().text(), "0000000000000000");
}

TEST(KeyIdTest, GeneratesInCell00WithoutRepetition) {
  SystemRandom random;
  std::set<KeyId> seen;
  for (int i = 0; i < 1000; ++i) {
    const absl::StatusOr<KeyId> id = KeyId::Generate(random);
    ASSERT_TRUE(id.ok()) << id.status();
    EXPECT_TRUE(id->text().starts_with("00"));
    EXPECT_EQ(KeyId::Parse(id->text()), *id);
    EXPECT_TRUE(seen.insert(*id).second);
  }
}

TEST(KeyIdTest, EveryCharacterIsEquallyLikely) {
  FakeRandom random;
  std::array<int, 128> counts{};
  constexpr int kIds = 20000;
  for (int i = 0; i < kIds; ++i) {
    const KeyId id = KeyId::Generate(random).value();
    for (const char c : id.text().substr(2)) ++counts[static_cast<size_t>(c)];
  }
  // Mean 4516, standard deviation 67. Folding 64 values onto 62 would double two of them.
  constexpr double kMean = kIds * 14.0 / 62.0;
  for (const char c : kBase62) {
    EXPECT_NEAR(counts[static_cast<size_t>(c)], kMean, 5 * 67) << c;
  }
}

TEST(KeyIdTest, FailsWithoutEntropy) {
  FakeRandom random;
  random.FailWith(absl::UnavailableError("no entropy"));
  EXPECT_EQ(KeyId::Generate(random).status().code(), absl::StatusCode::kUnavailable);
}

TEST(KeyIdTest, ASourceThatRepeatsItselfIsRefused) {
  ConstantRandom never_a_digit(0xFF);
  EXPECT_EQ(KeyId::Generate(never_a_digit).status().code(), absl::StatusCode::kUnavailable);
  ConstantRandom zeros(0);
  EXPECT_EQ(KeyId::Generate(zeros).status().code(), absl::StatusCode::kUnavailable)
      << "16 zeros must stay the id that no key has";
}

TEST(EnvironmentNameTest, NamesBoth) {
  EXPECT_EQ(EnvironmentName(Environment::kLive), "live");
  EXPECT_EQ(EnvironmentName(Environment::kTest), "test");
}

TEST(IsValidKeyPrefixTest, FollowsTheSyntax) {
  for (const char* prefix : {"ab", "a1", "clv", "abcdefghij012345"}) {
    EXPECT_TRUE(IsValidKeyPrefix(prefix)) << prefix;
  }
  for (const char* prefix :
       {"", "a", "1a", "A1", "aB", "a_b", "a-b", "a b", "abcdefghij0123456", "a\u00E9"}) {
    EXPECT_FALSE(IsValidKeyPrefix(prefix)) << prefix;
  }
}

TEST(GenerateKeyTest, WhatItMakesParses) {
  SystemRandom random;
  for (const std::string_view prefix : {"ab", "clv", "abcdefghij012345"}) {
    for (const Environment environment : {Environment::kLive, Environment::kTest}) {
      const absl::StatusOr<Secret> key = GenerateKey(prefix, environment, SomeId(), random);
      ASSERT_TRUE(key.ok()) << key.status();
      EXPECT_EQ(key->size(), prefix.size() + 72);
      const std::optional<ParsedKey> parsed = ParseKey(key->ExposeSecret());
      ASSERT_TRUE(parsed.has_value());
      EXPECT_EQ(parsed->prefix, prefix);
      EXPECT_EQ(parsed->environment, environment);
      EXPECT_EQ(parsed->id, SomeId());
      EXPECT_TRUE(key->ExposeSecret().starts_with(PublicPrefix(prefix, environment, SomeId())));
    }
  }
}

TEST(GenerateKeyTest, TheLongestKeyHasTheStatedLength) {
  ConstantRandom random(0xFF);
  const absl::StatusOr<Secret> key =
      GenerateKey("abcdefghij012345", Environment::kLive, SomeId(), random);
  EXPECT_EQ(key->size(), kMaxKeyLength);
}

TEST(GenerateKeyTest, TheSmallestAndLargestSecretsRoundTrip) {
  for (const uint8_t byte : {0x00, 0xFF}) {
    ConstantRandom random(byte);
    const absl::StatusOr<Secret> key = GenerateKey("clv", Environment::kLive, SomeId(), random);
    EXPECT_TRUE(ParseKey(key->ExposeSecret()).has_value()) << static_cast<int>(byte);
  }
}

TEST(GenerateKeyTest, TwoKeysDifferInTheSecret) {
  FakeRandom random;
  const auto first = GenerateKey("clv", Environment::kLive, SomeId(), random);
  const auto second = GenerateKey("clv", Environment::kLive, SomeId(), random);
  EXPECT_FALSE(ConstantTimeEquals(first->ExposeSecret(), second->ExposeSecret()));
}

TEST(GenerateKeyTest, FailsWithoutEntropy) {
  FakeRandom random;
  random.FailWith(absl::UnavailableError("no entropy"));
  EXPECT_EQ(GenerateKey("clv", Environment::kLive, SomeId(), random).status().code(),
            absl::StatusCode::kUnavailable);
}

TEST(ParseKeyTest, EveryChangeOfOneCharacterIsRejected) {
  const std::string key = NewKey();
  for (size_t i = 0; i < key.size(); ++i) {
    std::string changed = key;
    for (int c = 0; c < 256; ++c) {
      changed[i] = static_cast<char>(c);
      if (changed[i] == key[i]) continue;
      EXPECT_FALSE(ParseKey(changed).has_value()) << "character " << i << " to " << c;
    }
  }
}

TEST(ParseKeyTest, EveryOmissionRepetitionAndSwapIsRejected) {
  const std::string key = NewKey();
  for (size_t i = 0; i < key.size(); ++i) {
    EXPECT_FALSE(ParseKey(key.substr(0, i)).has_value()) << "cut at " << i;
    EXPECT_FALSE(ParseKey(key.substr(i + 1)).has_value()) << "begun at " << i + 1;
    std::string shorter = key;
    shorter.erase(i, 1);
    EXPECT_FALSE(ParseKey(shorter).has_value()) << "without " << i;
    std::string longer = key;
    longer.insert(i, 1, key[i]);
    EXPECT_FALSE(ParseKey(longer).has_value()) << "twice " << i;
    if (i + 1 == key.size() || key[i] == key[i + 1]) continue;
    std::string swapped = key;
    std::swap(swapped[i], swapped[i + 1]);
    EXPECT_FALSE(ParseKey(swapped).has_value()) << "swapped at " << i;
  }
}

TEST(ParseKeyTest, RandomBytesAreRejected) {
  std::mt19937 random(7);
  for (int i = 0; i < 20000; ++i) {
    std::string text(random() % 200, '\0');
    for (char& c : text) c = static_cast<char>(random());
    EXPECT_FALSE(ParseKey(text).has_value());
  }
}

TEST(ParseKeyTest, AHugeTextIsRejected) {
  EXPECT_FALSE(ParseKey(std::string(1 << 20, 'a')).has_value());
  EXPECT_FALSE(ParseKey(NewKey() + std::string(1 << 20, 'a')).has_value());
}

TEST(ParseKeyTest, ViewsPointIntoTheText) {
  const std::string key = NewKey();
  EXPECT_EQ(ParseKey(key)->prefix.data(), key.data());
}

TEST(MaskKeyTest, ShowsEightCharactersAndFour) {
  const std::string key = NewKey();
  EXPECT_EQ(MaskKey(Secret::CopyOf(key)), "clv_live\u2026" + key.substr(key.size() - 4));
}

TEST(MaskKeyTest, ShowsNothingOfWhatIsTooShortToBeAKey) {
  EXPECT_EQ(MaskKey(Secret::CopyOf("twelve chars")), "\u2026");
  EXPECT_EQ(MaskKey(Secret()), "\u2026");
}

}  // namespace
}  // namespace claviger
