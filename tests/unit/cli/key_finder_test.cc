// Keys in bytes of any kind. The vectors' valid keys are found wherever they stand.
#include "client/cli/key_finder.h"

#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "core/key_format.h"
#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/fake_random.h"

namespace claviger::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::IsEmpty;

using Lines = std::vector<std::string>;

std::string KeyWith(std::string_view prefix, Environment environment = Environment::kLive) {
  FakeRandom random;
  const KeyId id = *KeyId::Parse("00Yx3kTq7LmNp0aB");
  return std::string(GenerateKey(prefix, environment, id, random)->ExposeSecret());
}

// `line:column key` of each key in `text`, fed in pieces of `piece` bytes.
Lines Find(std::string_view text, size_t piece = 1 << 20) {
  Lines found;
  KeyFinder finder([&found](const FoundKey& key) {
    found.push_back(fmt::format("{}:{} {}", key.line, key.column, key.text));
  });
  while (!text.empty()) {
    finder.Feed(text.substr(0, piece));
    text.remove_prefix(std::min(piece, text.size()));
  }
  finder.Finish();
  return found;
}

TEST(KeyFinderTest, FindsKeysWhereverTheyStand) {
  const std::string key = KeyWith("clv");
  EXPECT_THAT(Find(key), ElementsAre("1:1 " + key));
  EXPECT_THAT(Find("token: \"" + key + "\",\n"), ElementsAre("1:9 " + key));
  EXPECT_THAT(Find("\n\n  " + key), ElementsAre("3:3 " + key));
  EXPECT_THAT(Find(key + "\n" + key + " " + key),
              ElementsAre("1:1 " + key, "2:1 " + key, fmt::format("2:{} {}", key.size() + 2, key)));
  EXPECT_THAT(Find(std::string(100, '\0') + key + std::string(100, '\xff')),
              ElementsAre("1:101 " + key));
}

TEST(KeyFinderTest, FindsEveryPrefixAndEnvironment) {
  for (const std::string_view prefix : {"a0", "clv", "live", "abcdefghij012345"}) {
    for (const Environment environment : {Environment::kLive, Environment::kTest}) {
      const std::string key = KeyWith(prefix, environment);
      EXPECT_THAT(Find("x " + key + " y"), ElementsAre("1:3 " + key));
    }
  }
}

TEST(KeyFinderTest, WhatStandsBesideAKeyDoesNotHideIt) {
  const std::string key = KeyWith("clv");
  EXPECT_THAT(Find("key" + key + "abc"), ElementsAre("1:4 " + key));
  EXPECT_THAT(Find("_" + key + "_live_"), ElementsAre("1:2 " + key));
  EXPECT_THAT(Find("x_live_" + key), ElementsAre("1:8 " + key));
  EXPECT_THAT(Find(key + key),
              ElementsAre("1:1 " + key, fmt::format("1:{} {}", key.size() + 1, key)));
}

TEST(KeyFinderTest, AChecksumThatIsWrongIsNoKey) {
  std::string key = KeyWith("clv");
  key.back() = key.back() == '0' ? '1' : '0';
  EXPECT_THAT(Find("token: " + key), IsEmpty());
  EXPECT_THAT(Find(KeyWith("clv").substr(0, 70)), IsEmpty());
  EXPECT_THAT(Find("clv_live_"), IsEmpty());
  EXPECT_THAT(Find(""), IsEmpty());
}

TEST(KeyFinderTest, KeysAcrossTheBordersOfPiecesAreFoundInTheSamePlaces) {
  std::mt19937 random(7);
  std::string text;
  for (int i = 0; i < 40; ++i) {
    // Bytes that a key is made of, so that there is much that could be one.
    constexpr std::string_view kBytes = "_abclive_test_019\n";
    for (size_t n = random() % 200; n > 0; --n) text += kBytes[random() % kBytes.size()];
    text += KeyWith(random() % 2 == 0 ? "clv" : "abcdefghij012345");
  }
  const Lines whole = Find(text);
  EXPECT_EQ(whole.size(), 40u);
  for (const size_t piece : {1, 2, 3, 7, 16, 71, 72, 73, 88, 89, 1000}) {
    EXPECT_THAT(Find(text, piece), ElementsAreArray(whole)) << piece;
  }
}

TEST(KeyFinderTest, LinesAreCountedThroughMuchText) {
  const std::string key = KeyWith("clv");
  std::string text;
  for (int i = 0; i < 10'000; ++i) text += "some line of a log\n";
  text += "  " + key + "\n";
  EXPECT_THAT(Find(text, 4096), ElementsAre("10001:3 " + key));
}

}  // namespace
}  // namespace claviger::cli
